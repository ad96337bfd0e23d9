import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { localStorage } from '../src/datasources/localStorage.ts'
import type { CrashProfile } from './setup/crashSite.ts'
import { describeCrashes } from './setup/crashSuite.ts'

describeCrashes(async (): Promise<CrashProfile> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-embedded-'))
  const sourceFile = join(folder, 'source.duckdb')
  const storageFolder = join(folder, 'storage')

  /** The statements one after the other; the rows of the last. */
  async function run(statements: readonly string[]): Promise<unknown[][]> {
    const instance = await DuckDBInstance.create(sourceFile)
    const connection = await instance.connect()
    try {
      let rows: unknown[][] = []
      for (const statement of statements) rows = (await connection.runAndReadAll(statement)).getRows()
      return rows
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
  }

  return {
    sourceUrl: `duckdb:${sourceFile}`,
    storageUrl: `file:${storageFolder}`,
    tables: {
      numbers: last => `(SELECT range AS n FROM range(1, ${last + 1}))`,
      async run(statements) {
        await run(statements)
      },
      rows: sql => run([sql]),
    },
    openStorage: () => localStorage({ folder: storageFolder }),
    close: () => rm(folder, { recursive: true }),
  }
})
