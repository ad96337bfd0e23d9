import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Publisher } from '../../datasources/publish.ts'
import type { Source } from '../../datasources/source.ts'
import type { JobControl } from '../../jobs/job.ts'
import type { Encoder } from '../../parquet/encoder.ts'
import { groupedFileWriter } from '../../parquet/groupedFileWriter.ts'
import type { LandedFile } from './landing.ts'
import { publishFile } from './publishFile.ts'

export interface LandTableOptions {
  source: Source
  encoder: Encoder
  publisher: Publisher
  /** A local folder for the spool. */
  workFolder: string
}

/** What may wait in memory to be encoded. */
const BUDGET_BYTES = 16 * 1024 * 1024

/** Copies a whole table of the source into the landing folder of a date, as Parquet with all its columns. */
export async function landTable(
  { source, encoder, publisher, workFolder }: LandTableOptions,
  table: string,
  date: string,
  { signal, report }: JobControl,
): Promise<LandedFile> {
  const columns = await source.columns(table, { signal })
  const writer = await groupedFileWriter({
    columns,
    keyOf: () => null,
    tailColumns: [],
    encoder,
    spoolPath: join(workFolder, `table-${randomUUID()}.spool`),
    budgetBytes: BUDGET_BYTES,
    signal,
  })
  try {
    report({ done: 0, total: null, unit: `rows of ${table}` })
    let done = 0
    for await (const batch of source.rows({ table, columns }, { signal })) {
      await writer.append(batch)
      done += batch.length
      report({ done })
    }
    const { content } = await writer.finish(() => new Map())
    return await publishFile(publisher, date, { name: `${table}.parquet`, rows: done, content }, { signal })
  } finally {
    await writer.dispose()
  }
}
