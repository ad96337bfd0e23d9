import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Lease, takeLease } from '../datasources/lease.ts'
import { removeTemporaries } from '../datasources/publish.ts'
import { publishHedged } from '../datasources/publishHedged.ts'
import type { RowQuery } from '../datasources/source.ts'
import { parentOf } from '../datasources/storagePath.ts'
import { settleSwap, swap } from '../datasources/swap.ts'
import { onceStorageReady, waitForSource } from '../datasources/waitUntilReady.ts'
import { valuesOf } from '../datasources/wireRows.ts'
import { hasCode } from '../errors.ts'
import type { JobControl } from '../jobs/job.ts'
import type { Encoder } from '../parquet/encoder.ts'
import { groupedFileWriter } from '../parquet/groupedFileWriter.ts'
import type { GroupedFile } from '../parquet/groupSpool.ts'
import { adderFor, type Total } from './amounts.ts'
import { indexMetadata } from './indexedLoansFile.ts'
import type { MigrationEngine } from './loans.ts'
import { LOANS_LAYOUT, LOANS_PATH, stagedLoansPath } from './loansFile.ts'
import { AMOUNT, COUNTY, columnsOf, countyCodeOf, loansQuery } from './loansQuery.ts'
import { endAbandoned, migrateBySpark, type SparkMigrationOptions, sparkProblem } from './migrateBySpark.ts'

export interface MigrateLoansOptions extends SparkMigrationOptions {
  encoder: Encoder
  /** A local folder for the spool. */
  workFolder: string
  /** How long to wait for a source that is still starting. */
  sourceWaitMillis: number
  memoryBytes: number
  /** AUTO takes Spark for more rows, where it can. */
  sparkAboveRows: number
  /** LEASE_LIFE_MILLIS where left out. */
  leaseLifeMillis?: number
}

/** Holds the lease of the one migration that may run on a storage; not in the folder of the file, which people look into. */
const LEASE_FOLDER = '/.millrace/leases/migrate-loans'

/** A healthy storage takes each piece in much less. */
const HEDGE_MILLIS = 3_000
/** A migration that ends sooner needs no estimate, and the database is slower with the rows while it counts them. */
const COUNT_AFTER_MILLIS = 3_000

/**
 * Brings the join from the source into Parquet grouped by county, and publishes it: one file by this process, or a folder of files by Spark. Readers
 * see the old data or the new. Every failure leaves the old in place and no temporary behind.
 * @returns what was done, in one sentence.
 */
export async function migrateLoans(
  options: MigrateLoansOptions,
  engine: MigrationEngine,
  control: JobControl,
): Promise<string> {
  const { source, sourceWaitMillis } = options
  control.report({ unit: 'rows' })
  await waitForSource(source, sourceWaitMillis, control)
  return await withLease(options, control, async (lease, signal) => {
    const query = await loansQuery(source, { signal })
    const leased = { ...control, signal }
    const bySpark = await isForSpark(options, engine, query, leased)
    return await (bySpark ? migrateBySpark : copyLoans)(options, query, lease, leased)
  })
}

async function isForSpark(
  { engine, source, sparkAboveRows }: MigrateLoansOptions,
  wanted: MigrationEngine,
  query: RowQuery,
  { signal, say }: JobControl,
): Promise<boolean> {
  if (wanted !== 'AUTO' || sparkProblem(engine, source)) return wanted === 'SPARK'
  say('Counting the loans of the source')
  return (await source.count(query, { signal })) > sparkAboveRows
}

/**
 * One migration at a time on one storage, also of several servers. From here on no earlier one can publish any more: what it has half-written is removed,
 * and before it renames what it writes after that, it asks whether the lease is still its own.
 */
async function withLease<Result>(
  { storage, engine, storageWaitMillis, owner, leaseLifeMillis: lifeMillis }: MigrateLoansOptions,
  control: JobControl,
  work: (lease: Lease, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { signal } = control
  const leasing = { storage, folder: LEASE_FOLDER, owner, work: 'migrating loans', ...(lifeMillis && { lifeMillis }) }
  const lease = await onceStorageReady(storage, storageWaitMillis, control, () => takeLease(leasing, { signal }))
  let abandoned = false
  try {
    await onceStorageReady(storage, storageWaitMillis, control, async () => {
      abandoned = (await endAbandoned({ storage, engine }, { signal })) || abandoned
      await removeTemporaries(storage, LOANS_PATH, { signal })
      await settleSwap(storage, LOANS_PATH, { signal })
    })
    const result = await work(lease, AbortSignal.any([signal, lease.lost]))
    // What Spark was told to end may have made one more file since; else the next migration removes it.
    if (abandoned) await removeTemporaries(storage, LOANS_PATH, { signal }).catch(() => undefined)
    return result
  } catch (error) {
    lease.lost.throwIfAborted()
    // What was being written is gone where another server has removed it.
    if (hasCode(error, 'NOT_FOUND')) await lease.confirm({ signal })
    throw error
  } finally {
    await lease.release()
  }
}

function copyLoans(options: MigrateLoansOptions, query: RowQuery, lease: Lease, control: JobControl): Promise<string> {
  return withGroupedFile(options, query, control, async (file, impossibleValues) => {
    control.say(`Encoding the last row groups, publishing ${LOANS_PATH}`)
    await publishFile(options, file, lease, control)
    const { rows, length, entries } = await file.layout()
    control.report({ done: rows, total: rows, bytes: length })
    const counties = entries.filter(({ key }) => key !== null).length
    return [
      `Migrated ${rows.toLocaleString('en')} loans with ${columnsOf(query).length} columns`,
      ` in ${counties} counties to ${LOANS_PATH} (${(length / 1e6).toFixed(1)} MB).`,
      impossibleValues > 0 ? ` ${impossibleValues} dates that no calendar has (such as 0000-00-00) became NULL.` : '',
    ].join('')
  })
}

async function publishFile(
  { storage, publisher, owner, storageWaitMillis: retryForMillis }: MigrateLoansOptions,
  { content }: GroupedFile,
  lease: Lease,
  control: JobControl,
): Promise<void> {
  const call = { signal: control.signal }
  const options = { check: () => lease.confirm(call), retryForMillis, call }
  const beside = await onceStorageReady(storage, retryForMillis, control, () =>
    storage.list(parentOf(LOANS_PATH), call),
  )
  const isFolder = beside.some(({ path, kind }) => path === LOANS_PATH && kind === 'folder')
  const target = isFolder ? stagedLoansPath(owner) : LOANS_PATH
  await publishHedged(publisher, HEDGE_MILLIS, target, content, LOANS_LAYOUT, options)
  if (isFolder) await swap(storage, target, LOANS_PATH, options)
}

/** Fetches, packs, encodes and publishes; these overlap, the encoding in worker threads, the publishing with that of the last rows. */
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
    keyOf: countyCodeOf,
    keyColumn: countyAt,
    tailColumns: [AMOUNT],
    encoder,
    spoolPath: join(workFolder, `migration-${dataset}.spool`),
    budgetBytes: memoryBytes,
    signal,
  })
  // Beside the rows, on a connection of its own: only the estimate of the time left needs it.
  const counting = setTimeout(() => {
    source.count(query, { signal }).then(
      total => report({ total }),
      () => {},
    )
  }, COUNT_AFTER_MILLIS)
  try {
    say('Reading loans from the source')
    let rows = 0
    for await (const batch of source.wireRows?.(query, { signal }) ?? source.rows(query, { signal })) {
      const { count, at } = valuesOf(batch)
      for (let row = 0; row < count; row++) {
        const county = countyCodeOf(at(row, countyAt))
        const total = totals.get(county) ?? { ...adder.zero }
        totals.set(county, total)
        adder.add(total, at(row, amountAt))
      }
      await writer.append(batch)
      rows += count
      report({ done: rows, bytes: writer.encodedBytes() })
    }
    clearTimeout(counting)
    const file = await writer.finish(entries => indexMetadata(dataset, entries, totals))
    return await publish(file, writer.impossibleValues())
  } finally {
    clearTimeout(counting)
    await writer.dispose()
  }
}
