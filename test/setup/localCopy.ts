import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Storage } from '../../src/datasources/storage.ts'

export interface LocalCopy {
  /** For FROM. */
  table: string
  rows(sql: string): Promise<unknown[][]>
  close(): Promise<void>
}

/** A stored Parquet file on the local disk, read by software that is not ours. */
export async function localCopy(storage: Storage, path: string): Promise<LocalCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-copy-'))
  const { length } = await storage.stat(path)
  await writeFile(join(folder, 'copy.parquet'), await storage.read(path, { offset: 0, length }))
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  return {
    table: `read_parquet('${join(folder, 'copy.parquet')}')`,
    rows: async sql => (await connection.runAndReadAll(sql)).getRows() as unknown[][],
    async close() {
      connection.closeSync()
      await rm(folder, { recursive: true })
    },
  }
}
