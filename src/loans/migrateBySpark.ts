import { randomUUID } from 'node:crypto'
import type { Call } from '../datasources/call.ts'
import type { ClusterSession, GroupFile } from '../datasources/clusterEngine.ts'
import type { Engine } from '../datasources/engine.ts'
import type { JdbcRead } from '../datasources/jdbc.ts'
import type { Lease } from '../datasources/lease.ts'
import { type Publisher, parseTemporaryName } from '../datasources/publish.ts'
import type { RowQuery, Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import { childOf, nameOf, parentOf } from '../datasources/storagePath.ts'
import { swap } from '../datasources/swap.ts'
import { MillraceError } from '../errors.ts'
import type { JobControl } from '../jobs/job.ts'
import { type Total, type TotalJson, totalToJson } from './amounts.ts'
import { type FolderIndex, folderIndexBytes, INDEX_NAME } from './datasetFolder.ts'
import { LOANS_LAYOUT, LOANS_PATH, stagedLoansPath } from './loansFile.ts'
import { AMOUNT, COUNTY, columnsOf } from './loansQuery.ts'

export interface SparkMigrationOptions {
  source: Source
  storage: Storage
  engine: Engine
  publisher: Publisher
  /** This server, by its data directory, among those that share the storage. */
  owner: string
  /** How long to wait for a storage that does not answer. */
  storageWaitMillis: number
}

/** Rows that one connection reads, about; without an index each connection makes the database look at all rows. */
const ROWS_PER_CONNECTION = 250_000
const MOST_CONNECTIONS = 32
const MOST_UNINDEXED_CONNECTIONS = 4
/** A county of more is several files: Spark reads each wholly for its digest, and an average for its partition. */
const MOST_ROWS_PER_FILE = 1_000_000
/** Spark may have begun a file when it was told to stop. */
const CLEAN_UP_MILLIS = 10_000

/** Whether the two can do it: BAD_USER_INPUT with what to change where they cannot. */
export function sparkProblem(engine: Engine, source: Source): MillraceError | undefined {
  if (!engine.openCluster) {
    return new MillraceError(
      'BAD_USER_INPUT',
      `Expected Spark as the engine to migrate with, but it is ${engine.url}.`,
      {
        hint: 'Set MILLRACE_ENGINE_URL to a Spark Connect server (sc://host:15002), or migrate with engine LOCAL.',
      },
    )
  }
  if (!source.jdbc) {
    return new MillraceError(
      'BAD_USER_INPUT',
      `Expected a source that Spark can read, but ${source.url} is a file of this server.`,
      { hint: 'Set MILLRACE_SOURCE_URL to a MySQL database, or migrate with engine LOCAL.' },
    )
  }
  return undefined
}

/**
 * Has Spark read the join over several connections and write a folder of files by county, and puts it where readers look. No row comes through this
 * process. Readers see the old data or the new; every failure leaves the old in place.
 * @returns what was done, in one sentence.
 */
export async function migrateBySpark(
  options: SparkMigrationOptions,
  query: RowQuery,
  lease: Lease,
  control: JobControl,
): Promise<string> {
  const { source, storage, owner, storageWaitMillis: retryForMillis } = options
  const { signal, say, report } = control
  const call = { signal }
  const rowsBefore = await source.count(query, call)
  report({ total: rowsBefore })
  const read = await source.jdbc!(query, COUNTY, call)
  const sessionId = randomUUID()
  const folder = stagedLoansPath(owner, sessionId)
  let session: ClusterSession | undefined
  try {
    session = await options.engine.openCluster!(sessionId, call)
    say('Spark reads the loans and writes them by county')
    const files = await writeFiles(session, read, folder, rowsBefore, control)
    const rows = sum(files.map(file => file.rows))
    await expectAllRows(options, query, { rows, rowsBefore }, control)
    report({ done: rows, total: rows, bytes: sum(files.map(({ length }) => length)) })
    say('Adding up the counties')
    const index = indexOf(files, await totalsOf(session, files, call), rows)
    await writeIndex(options, folder, index, control)
    say(`Putting ${LOANS_PATH} in place`)
    await swap(storage, folder, LOANS_PATH, { check: () => lease.confirm(call), retryForMillis, call })
    return [
      `Migrated ${rows.toLocaleString('en')} loans with ${columnsOf(query).length} columns`,
      ` in ${index.counties.length} counties to the folder ${LOANS_PATH} by Spark`,
      ` (${(sum(files.map(({ length }) => length)) / 1e6).toFixed(1)} MB in ${files.length} files).`,
    ].join('')
  } finally {
    // First the session, which may still write.
    await session?.close()
    await storage.remove(folder, { signal: AbortSignal.timeout(CLEAN_UP_MILLIS) }).catch(() => undefined)
  }
}

/**
 * Ends what Spark still does for migrations whose server died: it would go on for minutes, and make the folders again that are removed. For who
 * holds the lease.
 * @returns whether there was any.
 */
export async function endAbandoned(
  { storage, engine }: Pick<SparkMigrationOptions, 'storage' | 'engine'>,
  call: Call,
): Promise<boolean> {
  const beside = await storage.list(parentOf(LOANS_PATH), call)
  const sessions = beside.flatMap(({ path, kind }) => {
    const temporary = kind === 'folder' ? parseTemporaryName(nameOf(path)) : undefined
    return temporary?.name === nameOf(LOANS_PATH) ? [temporary.uuid] : []
  })
  await Promise.all(sessions.map(async id => await engine.endCluster?.(id)))
  return sessions.length > 0
}

const VIEW = 'loans'
/** The county that countyCodeOf() makes of a value, as a column. */
const GROUP = 'millrace_county'

async function writeFiles(
  session: ClusterSession,
  read: JdbcRead,
  folder: string,
  rows: number,
  { signal, report }: JobControl,
): Promise<GroupFile[]> {
  await session.registerTable(VIEW, read, connectionsFor(rows, read), { signal })
  const sql = `SELECT *, ${countySql()} AS ${GROUP} FROM ${VIEW}`
  const options = { groupBy: GROUP, layout: LOANS_LAYOUT, mostRows: MOST_ROWS_PER_FILE }
  const onProgress = (fraction: number) => report({ done: Math.floor(fraction * rows) })
  return await session.writeGroups(sql, folder, options, {}, { signal, onProgress })
}

function connectionsFor(rows: number, { key }: JdbcRead): number {
  const most = key?.indexed ? MOST_CONNECTIONS : MOST_UNINDEXED_CONNECTIONS
  return Math.min(most, Math.max(2, Math.ceil(rows / ROWS_PER_CONNECTION)))
}

function countySql(): string {
  const value = `try_cast(CAST(\`${COUNTY}\` AS STRING) AS DOUBLE)`
  return `CASE WHEN ${value} BETWEEN 1 AND 99999 AND ${value} = floor(${value}) THEN CAST(${value} AS INT) END`
}

/** Connections of their own see what was committed meanwhile: then any number between is right. */
async function expectAllRows(
  { source }: SparkMigrationOptions,
  query: RowQuery,
  { rows, rowsBefore }: { rows: number; rowsBefore: number },
  { signal }: JobControl,
): Promise<void> {
  if (rows === rowsBefore) return
  const rowsAfter = await source.count(query, { signal })
  if (rows >= Math.min(rowsBefore, rowsAfter) && rows <= Math.max(rowsBefore, rowsAfter)) return
  throw new MillraceError('INTERNAL', `Spark wrote ${rows} rows, but the source has ${rowsAfter}.`)
}

/** Read back from the files; by file, since that is what a county is. */
async function totalsOf(
  session: ClusterSession,
  files: readonly GroupFile[],
  call: { signal: AbortSignal },
): Promise<Map<number, Total>> {
  const totals = new Map<number, Total>()
  const paths = files.filter(({ group }) => group !== null).map(({ path }) => path)
  if (paths.length === 0) return totals
  await session.register([{ name: 'written', paths, format: 'parquet' }], call)
  const probe = await session.query(`SELECT \`${AMOUNT}\` FROM written`, {}, call)
  const { type } = probe.columns[0]!
  const scale = type.kind === 'decimal' ? type.scale : 0
  const amount = type.kind === 'integer' ? `CAST(\`${AMOUNT}\` AS DECIMAL(38,0))` : `\`${AMOUNT}\``
  const answer = await session.query(
    `SELECT ${countySql()} AS county, count(*) AS loans, sum(${amount}) AS total FROM written GROUP BY county`,
    {},
    call,
  )
  for await (const batch of answer.rows()) {
    for (const [county, loans, total] of batch) {
      const exact = type.kind !== 'float'
      const amounts = exact ? BigInt(String(total).replace('.', '')) : Number(total)
      totals.set(Number(county), { loans: Number(loans), sum: amounts, scale })
    }
  }
  return totals
}

function indexOf(files: readonly GroupFile[], totals: ReadonlyMap<number, Total>, rows: number): FolderIndex {
  const counties = new Map<number, FolderIndex['counties'][number]>()
  for (const { group, path, length, rows, sha256 } of files) {
    if (group === null) continue
    const total: TotalJson = totalToJson(totals.get(group) ?? { loans: 0, sum: 0, scale: 0 })
    const entry = counties.get(group) ?? { county: group, total, files: [] }
    counties.set(group, entry)
    entry.files.push({ name: nameOf(path), length, rows, sha256 })
  }
  for (const { county, total, files } of counties.values()) {
    const found = sum(files.map(file => file.rows))
    if (total[0] !== found) {
      throw new MillraceError('INTERNAL', `County ${county} has ${found} rows in its files, but ${total[0]} add up.`)
    }
  }
  return { dataset: randomUUID(), rows, counties: [...counties.values()] }
}

async function writeIndex(
  { publisher, storageWaitMillis: retryForMillis }: SparkMigrationOptions,
  folder: string,
  index: FolderIndex,
  { signal }: JobControl,
): Promise<void> {
  const bytes = folderIndexBytes(index)
  await publisher.publish(childOf(folder, INDEX_NAME), () => [bytes], LOANS_LAYOUT, {
    length: bytes.length,
    retryForMillis,
    call: { signal },
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
