import { MillraceError } from '../errors.ts'
import type { SourceColumn } from './source.ts'
import {
  LOGICAL_DATE,
  type Load,
  type PublishedTable,
  type ResultRows,
  type ResultTable,
  type Stage,
} from './warehouse.ts'
import { expectDate, expectPlainName, listedNames, OWN_SCHEMA, qualifiedStage } from './warehouseNames.ts'
import { quoteName, quoteText, type WarehouseDialect, type WarehouseSession } from './warehouseSession.ts'

const MOST_ROWS = 10_000
/** What is unique in these tables is kept so by the locks of a publication. */
const TABLES = [
  `CREATE SCHEMA IF NOT EXISTS ${OWN_SCHEMA}`,
  `CREATE TABLE IF NOT EXISTS ${OWN_SCHEMA}.loads (dataset VARCHAR NOT NULL, logical_date DATE NOT NULL, job VARCHAR NOT NULL,
     fingerprint VARCHAR NOT NULL, published_at TIMESTAMP WITH TIME ZONE NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ${OWN_SCHEMA}.load_tables (dataset VARCHAR NOT NULL, logical_date DATE NOT NULL, place INTEGER NOT NULL,
     table_name VARCHAR NOT NULL, row_count BIGINT NOT NULL, replaced_rows BIGINT NOT NULL, replaces VARCHAR NOT NULL)`,
  // row_count is NULL as long as the stage is being filled.
  `CREATE TABLE IF NOT EXISTS ${OWN_SCHEMA}.stages (job VARCHAR NOT NULL, table_name VARCHAR NOT NULL, row_count BIGINT)`,
]

/** Makes the tables of the load log; nothing happens where they are there. */
export async function createCatalog(session: WarehouseSession, dialect: WarehouseDialect): Promise<void> {
  const there = await dialect.columnsOf(session, OWN_SCHEMA, 'stages')
  if (there.length > 0) return
  await session.transaction(async () => {
    await dialect.lock(session, 'catalog')
    for (const statement of TABLES) await session.query(statement)
  })
}

export async function loadsOf(
  session: WarehouseSession,
  { dataset, date, first }: { dataset?: string; date?: string; first: number },
): Promise<Load[]> {
  if (date !== undefined) expectDate(date)
  const conditions = ['true']
  if (dataset !== undefined) conditions.push(`dataset = ${quoteText(dataset)}`)
  if (date !== undefined) conditions.push(`logical_date = DATE ${quoteText(date)}`)
  const rows = await session.query(
    `SELECT l.dataset, CAST(l.logical_date AS VARCHAR), l.job, l.fingerprint,
       CAST(extract(epoch FROM l.published_at) * 1000 AS BIGINT), t.table_name, t.row_count, t.replaced_rows
     FROM (SELECT * FROM ${OWN_SCHEMA}.loads WHERE ${conditions.join(' AND ')}
           ORDER BY logical_date DESC, dataset LIMIT ${whole(first)}) AS l
     INNER JOIN ${OWN_SCHEMA}.load_tables AS t ON t.dataset = l.dataset AND t.logical_date = l.logical_date
     ORDER BY l.logical_date DESC, l.dataset, t.place`,
  )
  const loads = new Map<string, Load>()
  for (const [name, day, job, fingerprint, publishedAtMillis, table, count, replaced] of rows) {
    const key = `${String(name)} ${String(day)}`
    const load = loads.get(key) ?? {
      dataset: String(name),
      date: String(day),
      job: String(job),
      fingerprint: String(fingerprint),
      publishedAt: new Date(Number(publishedAtMillis)),
      tables: [],
    }
    load.tables.push({ name: String(table), rows: Number(count), replacedRows: Number(replaced) })
    loads.set(key, load)
  }
  return [...loads.values()]
}

/** Writes a load into the log, in the place of what it had for this dataset and date. */
export async function logLoad(
  session: WarehouseSession,
  { dataset, date, job, fingerprint, tables }: Omit<Load, 'publishedAt'>,
  modes: ReadonlyMap<string, NonNullable<PublishedTable['replaces']>>,
): Promise<void> {
  const key = [dataset, date]
  for (const table of ['loads', 'load_tables']) {
    await session.change(
      `DELETE FROM ${OWN_SCHEMA}.${table} WHERE dataset = $1 AND logical_date = CAST($2 AS DATE)`,
      key,
    )
  }
  await session.change(`INSERT INTO ${OWN_SCHEMA}.loads VALUES ($1, CAST($2 AS DATE), $3, $4, current_timestamp)`, [
    ...key,
    job,
    fingerprint,
  ])
  for (const [place, { name, rows, replacedRows }] of tables.entries()) {
    await session.change(`INSERT INTO ${OWN_SCHEMA}.load_tables VALUES ($1, CAST($2 AS DATE), $3, $4, $5, $6, $7)`, [
      ...key,
      place,
      name,
      rows,
      replacedRows,
      modes.get(name) ?? 'date',
    ])
  }
}

export async function resultTables(session: WarehouseSession, dialect: WarehouseDialect): Promise<ResultTable[]> {
  const logged = await loggedTables(session)
  const tables: ResultTable[] = []
  for (const { name, dataset, dates } of logged) {
    const columns = await dialect.columnsOf(session, dialect.schema, name)
    tables.push({
      name,
      dataset,
      columns: columns.filter(column => column.name !== LOGICAL_DATE),
      rows: [...dates.values()].reduce((sum, rows) => sum + rows, 0),
      latestDate: latest(dates),
    })
  }
  return tables
}

export async function resultRows(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  table: string,
  { date, first }: { date: string | null; first: number },
): Promise<ResultRows> {
  expectPlainName('table name', table)
  if (date !== null) expectDate(date)
  const logged = await loggedTables(session)
  const found = logged.find(({ name }) => name === table)
  if (!found) {
    const names = logged.map(({ name }) => name)
    throw new MillraceError('NOT_FOUND', `Expected a result table "${table}", there is ${listedNames(names)}.`, {
      hint: 'Publish a date first, or ask which tables there are.',
    })
  }
  const wanted = date ?? latest(found.dates)!
  if (!found.dates.has(wanted)) {
    const dates = [...found.dates.keys()].toSorted().toReversed()
    throw new MillraceError('NOT_FOUND', `Expected rows of "${table}" for ${wanted}, there is ${listedNames(dates)}.`, {
      hint: 'Publish that date first.',
    })
  }
  const columns = (await dialect.columnsOf(session, dialect.schema, table)).filter(({ name }) => name !== LOGICAL_DATE)
  const order = columns.map(({ name }) => quoteName(name)).join(', ')
  const rest = `FROM ${dialect.schema}.${quoteName(table)} WHERE ${LOGICAL_DATE} = CAST($1 AS DATE) ORDER BY ${order} LIMIT ${whole(first)}`
  return { date: wanted, columns, rows: await session.rows(columns, rest, [wanted]) }
}

interface LoggedTable {
  name: string
  dataset: string
  /** Rows by date, of what the table has now. */
  dates: Map<string, number>
}

/** The result tables as the load log has them, by name. */
export async function loggedTables(session: WarehouseSession): Promise<LoggedTable[]> {
  const rows = await session.query(
    `SELECT t.table_name, t.dataset, CAST(t.logical_date AS VARCHAR), t.row_count, t.replaces
     FROM ${OWN_SCHEMA}.load_tables AS t
     INNER JOIN ${OWN_SCHEMA}.loads AS l ON t.dataset = l.dataset AND t.logical_date = l.logical_date
     ORDER BY t.table_name, l.published_at, t.logical_date`,
  )
  const tables = new Map<string, LoggedTable>()
  for (const [table, dataset, date, count, replaces] of rows) {
    const name = String(table)
    const entry = tables.get(name) ?? { name, dataset: String(dataset), dates: new Map<string, number>() }
    if (replaces === 'table') entry.dates.clear()
    entry.dates.set(String(date), Number(count))
    tables.set(name, entry)
  }
  return [...tables.values()]
}

/** Stages with the rows they were filled with; null for one that was not filled to its end. */
export async function stagesOf(session: WarehouseSession, job?: string): Promise<(Stage & { rows: number | null })[]> {
  const rows = await session.query(
    `SELECT job, table_name, row_count FROM ${OWN_SCHEMA}.stages ${job === undefined ? '' : `WHERE job = ${quoteText(job)}`}
     ORDER BY job, table_name`,
  )
  return rows.map(([owner, table, count]) => ({
    job: String(owner),
    table: String(table),
    rows: count === null ? null : Number(count),
  }))
}

/** Removes what may be there of a stage, and notes that it is about to be filled. */
export async function beginStage(session: WarehouseSession, dialect: WarehouseDialect, stage: Stage): Promise<void> {
  await session.transaction(async () => {
    await removeStage(session, dialect, stage)
    await session.change(`INSERT INTO ${OWN_SCHEMA}.stages VALUES ($1, $2, NULL)`, [stage.job, stage.table])
  })
}

/** Notes that a stage has all its rows. */
export async function endStage(session: WarehouseSession, { job, table }: Stage, rows: number): Promise<void> {
  await session.change(`UPDATE ${OWN_SCHEMA}.stages SET row_count = $3 WHERE job = $1 AND table_name = $2`, [
    job,
    table,
    rows,
  ])
}

export async function removeStage(session: WarehouseSession, dialect: WarehouseDialect, stage: Stage): Promise<void> {
  await session.query(`DROP TABLE IF EXISTS ${qualifiedStage(dialect, stage)}`)
  await session.change(`DELETE FROM ${OWN_SCHEMA}.stages WHERE job = $1 AND table_name = $2`, [stage.job, stage.table])
}

/** "name TYPE, name TYPE", for CREATE TABLE. */
export function columnDefinitions(dialect: WarehouseDialect, columns: readonly SourceColumn[]): string {
  return columns.map(({ name, type }) => `${quoteName(name)} ${dialect.typeName(type)}`).join(', ')
}

function latest(dates: ReadonlyMap<string, number>): string | null {
  return [...dates.keys()].toSorted().at(-1) ?? null
}

function whole(first: number): number {
  if (Number.isSafeInteger(first) && first >= 1 && first <= MOST_ROWS) return first
  throw new MillraceError('BAD_USER_INPUT', `Expected to be asked for 1 to ${MOST_ROWS} rows, got ${first}.`)
}
