import { MillraceError } from '../errors.ts'
import type { SourceColumn } from './source.ts'
import { LOGICAL_DATE, type Load, type Publication, type PublishedTable } from './warehouse.ts'
import { columnDefinitions, loadsOf, loggedTables, logLoad, removeStage, stagesOf } from './warehouseCatalog.ts'
import { expectPublication, listedNames, qualifiedStage, stageTable } from './warehouseNames.ts'
import {
  quoteName,
  type Replacement,
  type Replaces,
  type WarehouseDialect,
  type WarehouseSession,
} from './warehouseSession.ts'

/** Warehouse.publish on one connection. A publication that took place already is told of again. */
export async function publishStages(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  publication: Publication,
): Promise<Load> {
  expectPublication(publication)
  const earlier = await publishedLoad(session, publication)
  if (earlier) return earlier
  await expectFilledStages(session, publication)
  const columns = await columnsOfStages(session, dialect, publication)
  await session.transaction(() => prepareTables(session, dialect, publication, columns))
  await session.transaction(async () => {
    for (const lock of locksOf(publication)) await dialect.lock(session, lock)
    const put = new Map<string, Load['tables'][number]>()
    // By name, or two publications could wait for each other.
    for (const table of publication.tables.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      put.set(table.name, await putTable(session, dialect, publication, table, columns.get(table.name)!))
    }
    const tables = publication.tables.map(({ name }) => put.get(name)!)
    const modes = new Map(publication.tables.map(({ name, replaces = 'date' }) => [name, replaces]))
    await logLoad(session, { ...publication, tables }, modes)
    for (const { name } of publication.tables)
      await removeStage(session, dialect, { job: publication.job, table: name })
  })
  return (await publishedLoad(session, publication))!
}

/** What the load log says of a publication; undefined where it did not take place, or another one has since. */
export async function publishedLoad(
  session: WarehouseSession,
  { dataset, date, job }: Publication,
): Promise<Load | undefined> {
  const [load] = await loadsOf(session, { dataset, date, first: 1 })
  return load?.job === job ? load : undefined
}

async function expectFilledStages(session: WarehouseSession, { job, tables }: Publication): Promise<void> {
  const stages = await stagesOf(session, job)
  const filled = new Map(stages.filter(({ rows }) => rows !== null).map(({ table, rows }) => [table, rows!]))
  for (const { name, rows } of tables) {
    const found = filled.get(name)
    if (found === undefined) {
      const names = [...filled.keys()]
      throw new MillraceError(
        'NOT_FOUND',
        `Expected a stage of job ${job} for table "${name}", there is ${listedNames(names)}.`,
        { hint: 'Stage the table again.' },
      )
    }
    if (found === 0) {
      throw new MillraceError('BAD_USER_INPUT', `Expected rows for table "${name}", its stage has none.`, {
        hint: 'An empty result would take away what is published for the date: see why the query gives no rows.',
      })
    }
    if (found !== rows) throw notAsStaged(name, rows, found)
  }
}

async function columnsOfStages(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  { job, tables }: Publication,
): Promise<Map<string, SourceColumn[]>> {
  const columns = new Map<string, SourceColumn[]>()
  for (const { name } of tables) {
    const found = await dialect.columnsOf(session, dialect.stageSchema, stageTable({ job, table: name }))
    columns.set(name, found)
  }
  return columns
}

/** In a transaction of its own, before the one that publishes: what waits for the lock then waits for a moment only. */
async function prepareTables(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  { dataset, tables }: Publication,
  columns: ReadonlyMap<string, SourceColumn[]>,
): Promise<void> {
  await dialect.lock(session, 'tables')
  const owners = new Map((await loggedTables(session)).map(table => [table.name, table.dataset]))
  for (const { name, replaces = 'date' } of tables) {
    const owner = owners.get(name)
    if (owner !== undefined && owner !== dataset) {
      throw new MillraceError('CONFLICT', `Expected table "${name}" to be of dataset ${dataset}, it is of ${owner}.`, {
        hint: 'Give the table another name.',
      })
    }
    await prepareTable(session, dialect, { name, replaces, columns: columns.get(name)! })
  }
}

async function prepareTable(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  { name, replaces, columns }: { name: string; replaces: Replaces; columns: readonly SourceColumn[] },
): Promise<void> {
  const table = `${dialect.schema}.${quoteName(name)}`
  const there = new Map((await dialect.columnsOf(session, dialect.schema, name)).map(column => [column.name, column]))
  if (there.size === 0) {
    await session.query(
      `CREATE TABLE ${table} (${columnDefinitions(dialect, columns)}, ${LOGICAL_DATE} DATE NOT NULL) ${dialect.tableOptions(replaces)}`,
    )
    return
  }
  if (!there.has(LOGICAL_DATE)) {
    throw new MillraceError('CONFLICT', `Expected "${name}" to be a result table, it has no column ${LOGICAL_DATE}.`, {
      hint: 'Another program made it: give the result table another name.',
    })
  }
  for (const column of columns) {
    const known = there.get(column.name)
    const wanted = dialect.typeName(column.type)
    if (!known) {
      await session.query(`ALTER TABLE ${table} ADD COLUMN ${quoteName(column.name)} ${wanted}`)
    } else if (dialect.typeName(known.type) !== wanted) {
      throw new MillraceError(
        'CONFLICT',
        `Expected column "${column.name}" of table "${name}" to be ${dialect.typeName(known.type)} as before, it is ${wanted} now.`,
        { hint: 'Cast the column in the query to the type it had, or give it another name.' },
      )
    }
  }
}

/** Always in the same order, or two publications could wait for each other. */
function locksOf({ dataset, date, tables }: Publication): string[] {
  const whole = tables.filter(({ replaces }) => replaces === 'table').map(({ name }) => `table ${name}`)
  return [`date ${dataset} ${date}`, ...whole.toSorted()]
}

async function putTable(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  { job, date }: Publication,
  { name, rows, replaces = 'date' }: PublishedTable,
  columns: readonly SourceColumn[],
): Promise<Load['tables'][number]> {
  const stage = { job, table: name }
  const staged = qualifiedStage(dialect, stage)
  const { inserted, replacedRows } = await dialect.replaceRows(session, { stage, staged, date, replaces, columns })
  if (inserted !== rows) throw notAsStaged(name, rows, inserted)
  return { name, rows, replacedRows }
}

/** DELETE and INSERT: what every database can do. `table` is qualified. */
export async function deleteAndInsert(session: WarehouseSession, table: string, replacement: Replacement) {
  const replacedRows = await deleteReplaced(session, table, replacement)
  return { inserted: await insertStage(session, table, replacement), replacedRows }
}

export async function deleteReplaced(session: WarehouseSession, table: string, { replaces, date }: Replacement) {
  return replaces === 'date'
    ? await session.change(`DELETE FROM ${table} WHERE ${LOGICAL_DATE} = CAST($1 AS DATE)`, [date])
    : await session.change(`DELETE FROM ${table}`)
}

export async function insertStage(session: WarehouseSession, table: string, { staged, date, columns }: Replacement) {
  const names = columns.map(column => quoteName(column.name)).join(', ')
  return await session.change(
    `INSERT INTO ${table} (${names}, ${LOGICAL_DATE}) SELECT ${names}, CAST($1 AS DATE) FROM ${staged}`,
    [date],
  )
}

/** The columns that a result table has and its stage lacks, LOGICAL_DATE apart, as definitions: for a stage that becomes the table. */
export async function lackingColumns(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  { stage, columns }: Replacement,
): Promise<string[]> {
  const known = new Set([LOGICAL_DATE, ...columns.map(({ name }) => name)])
  const wanted = await dialect.columnsOf(session, dialect.schema, stage.table)
  return wanted.filter(({ name }) => !known.has(name)).map(column => columnDefinitions(dialect, [column]))
}

function notAsStaged(table: string, expected: number, found: number): MillraceError {
  return new MillraceError('DATA_LOST', `Expected ${expected} rows in the stage of table "${table}", found ${found}.`, {
    hint: 'Something changed the stage since: stage the table again.',
  })
}
