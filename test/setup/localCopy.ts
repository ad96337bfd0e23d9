import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Storage } from '../../src/datasources/storage.ts'
import { visibleFiles } from '../../src/datasources/viewFiles.ts'

export interface LocalCopy {
  /** For FROM. */
  table: string
  rows(sql: string): Promise<unknown[][]>
  close(): Promise<void>
}

/** A stored Parquet file, or the files of a folder, on the local disk, read by software that is not ours. */
export async function localCopy(storage: Storage, path: string): Promise<LocalCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-copy-'))
  const status = await storage.stat(path)
  const files = status.kind === 'folder' ? await visibleFiles(storage, path, {}) : [status]
  for (const [index, { path, length }] of files.entries()) {
    await writeFile(join(folder, `${index}.parquet`), await storage.read(path, { offset: 0, length }))
  }
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  return {
    table: `read_parquet('${join(folder, '*.parquet')}')`,
    rows: async sql => (await connection.runAndReadAll(sql)).getRows() as unknown[][],
    async close() {
      connection.closeSync()
      await rm(folder, { recursive: true })
    },
  }
}
