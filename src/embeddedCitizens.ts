import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Call } from './datasources/call.ts'
import { duckdbSource } from './datasources/duckdbSource.ts'
import { folderInbox } from './datasources/folderInbox.ts'
import type { Inbox } from './datasources/inbox.ts'
import type { Source } from './datasources/source.ts'
import { createCitizens } from './warehouse/sample/createCitizens.ts'
import { duckdbReferenceTables } from './warehouse/sample/referenceTables.ts'

/** Of a day that is made because nobody has left one. */
const SAMPLE_ROWS = 10_000

/** The inbox of someone who has configured none: a folder, in which a day that is missing is made when it is read. */
export function embeddedInbox({ folder }: { folder: string }): Inbox {
  const inbox = folderInbox({ folder })

  const isMissingDay = (path: string) => dateOf(path) !== undefined && !existsSync(join(folder, path))

  return {
    ...inbox,
    // Makes nothing: it is asked for a plan too.
    stat: async (path, call = {}) => (isMissingDay(path) ? { length: null } : await inbox.stat(path, call)),
    async *read(path, call = {}) {
      if (isMissingDay(path)) await makeDay(join(folder, path), dateOf(path)!, call)
      yield* inbox.read(path, call)
    },
  }
}

async function makeDay(file: string, date: string, { signal }: Call): Promise<void> {
  await createCitizens({ file, date, rows: SAMPLE_ROWS, ...(signal && { signal }) })
}

function dateOf(path: string): string | undefined {
  return /^dt=(\d{4}-\d\d-\d\d)\//.exec(path)?.[1]
}

/** The tables that go with the sample of citizens, in a DuckDB file of their own, so that nobody waits for the sample of loans. */
export async function embeddedReferenceTables({ file }: { file: string }): Promise<Source> {
  if (!existsSync(file)) await makeReferenceTables(file)
  return duckdbSource({ file })
}

async function makeReferenceTables(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const making = `${file}.making`
  await rm(making, { force: true })
  const instance = await DuckDBInstance.create(making)
  try {
    const connection = await instance.connect()
    for (const statement of duckdbReferenceTables()) await connection.run(statement)
    await connection.run('CHECKPOINT')
    connection.closeSync()
  } finally {
    instance.closeSync()
  }
  await rename(making, file)
}
