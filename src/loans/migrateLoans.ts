import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Publisher } from '../datasources/publish.ts'
import type { RowQuery, Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import { hasCode, MillraceError } from '../errors.ts'
import type { JobControl } from '../jobs/job.ts'
import type { Encoder } from '../parquet/encoder.ts'
import { groupedFileWriter } from '../parquet/groupedFileWriter.ts'
import type { GroupedFile } from '../parquet/groupSpool.ts'
import { adderFor, type Total } from './amounts.ts'
import { indexMetadata } from './indexedLoansFile.ts'
import { LOANS_LAYOUT, LOANS_PATH } from './loansFile.ts'
import { AMOUNT, COUNTY, columnsOf, countyCodeOf, loansQuery } from './loansQuery.ts'

export interface MigrateLoansOptions {
  source: Source
  storage: Storage
  publisher: Publisher
  encoder: Encoder
  /** A local folder for the spool. */
  workFolder: string
  /** How long to wait for a source that is still starting. */
  sourceWaitMillis: number
  memoryBytes: number
}

/**
 * Streams the join from the source into a Parquet file grouped by county, and publishes it. Readers see the old file or the
 * new one. Every failure leaves the old one in place and no temporary behind.
 * @returns what was done, in one sentence.
 */
export async function migrateLoans(options: MigrateLoansOptions, control: JobControl): Promise<string> {
  const { source, storage, publisher } = options
  const { signal } = control
  control.report({ unit: 'rows' })
  await waitForSource(source, options.sourceWaitMillis, control)
  await storage.ping({ signal })
  const query = await loansQuery(source, { signal })
  return withGroupedFile(options, query, control, async (file, impossibleValues) => {
    control.say(`Publishing ${LOANS_PATH} (${megabytes(file.length)})`)
    await publisher.publish(LOANS_PATH, file.content, LOANS_LAYOUT, { length: file.length, call: { signal } })
    const counties = file.entries.filter(({ key }) => key !== null).length
    return [
      `Migrated ${file.rows.toLocaleString('en')} loans with ${columnsOf(query).length} columns`,
      ` in ${counties} counties to ${LOANS_PATH} (${megabytes(file.length)}).`,
      impossibleValues > 0 ? ` ${impossibleValues} dates that no calendar has (such as 0000-00-00) became NULL.` : '',
    ].join('')
  })
}

/** Fetches, packs and encodes; these overlap, the encoding in worker threads. */
async function withGroupedFile(
  { source, encoder, workFolder, memoryBytes }: MigrateLoansOptions,
  query: RowQuery,
  { signal, report, say }: JobControl,
  publish: (file: GroupedFile, impossibleValues: number) => Promise<string>,
): Promise<string> {
  const columns = columnsOf(query)
  const countyAt = columns.findIndex(({ name }) => name === COUNTY)
  const amountAt = columns.findIndex(({ name }) => name === AMOUNT)
  const totals = new Map<number | null, Total>()
  const adder = adderFor(columns[amountAt]!.type)
  const dataset = randomUUID()
  const writer = await groupedFileWriter({
    columns,
    keyOf: row => countyCodeOf(row[countyAt]),
    tailColumns: [AMOUNT],
    encoder,
    spoolPath: join(workFolder, `migration-${dataset}.spool`),
    budgetBytes: memoryBytes,
    signal,
  })
  try {
    say('Reading loans from the source')
    // Beside the rows, on a connection of its own: only the estimate of the time left needs it.
    source.count(query, { signal }).then(
      total => report({ total }),
      () => {},
    )
    let rows = 0
    for await (const batch of source.rows(query, { signal })) {
      for (const row of batch) {
        const county = countyCodeOf(row[countyAt])
        const total = totals.get(county) ?? { ...adder.zero }
        totals.set(county, total)
        adder.add(total, row[amountAt])
      }
      await writer.append(batch)
      rows += batch.length
      report({ done: rows, bytes: writer.encodedBytes() })
    }
    say('Encoding the last row groups')
    const file = await writer.finish(entries => indexMetadata(dataset, entries, totals))
    if (file.rows !== rows) {
      throw new MillraceError('INTERNAL', `The file's footer counts ${file.rows} rows, but ${rows} were fetched.`)
    }
    report({ done: rows, total: rows, bytes: file.length })
    return await publish(file, writer.impossibleValues())
  } finally {
    await writer.dispose()
  }
}

const FIRST_RETRY_MILLIS = 250
const LONGEST_RETRY_MILLIS = 2_000

/** A database that is still starting is waited for; a wrong password or a missing database is not. */
async function waitForSource(source: Source, waitMillis: number, { signal, say }: JobControl): Promise<void> {
  const deadline = performance.now() + waitMillis
  for (let pause = FIRST_RETRY_MILLIS; ; pause = Math.min(pause * 2, LONGEST_RETRY_MILLIS)) {
    try {
      await source.ping({ signal })
      return
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      const left = deadline - performance.now()
      if (left <= 0) {
        throw new MillraceError(
          'UNAVAILABLE',
          `The source did not answer within ${waitMillis / 1000} s. ${error.message}`,
          {
            hint: 'Start the database, or correct MILLRACE_SOURCE_URL; MILLRACE_SOURCE_WAIT_SECONDS sets how long to wait.',
            cause: error,
          },
        )
      }
      say(`Waiting up to ${Math.ceil(left / 1000)} s more for the source. ${error.message}`)
      await delay(Math.min(pause, left), undefined, { signal })
    }
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
