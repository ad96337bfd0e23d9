import { MillraceError } from '../errors.ts'
import { shownValue } from '../shownValue.ts'
import type { Check, CheckResult, Stage } from './warehouse.ts'
import { stagesOf } from './warehouseCatalog.ts'
import { expectStage, listedNames, qualifiedStage, stageTable } from './warehouseNames.ts'
import { quoteName, quoteText, type WarehouseDialect, type WarehouseSession } from './warehouseSession.ts'

/** Warehouse.check on one connection. */
export async function checkStage(
  session: WarehouseSession,
  dialect: WarehouseDialect,
  stage: Stage,
  checks: readonly Check[],
): Promise<CheckResult[]> {
  expectStage(stage)
  const stages = await stagesOf(session, stage.job)
  if (!stages.some(({ table, rows }) => table === stage.table && rows !== null)) {
    const names = stages.filter(({ rows }) => rows !== null).map(({ table }) => table)
    throw new MillraceError(
      'NOT_FOUND',
      `Expected a stage of job ${stage.job} for table "${stage.table}", there is ${listedNames(names)}.`,
    )
  }
  const columns = (await dialect.columnsOf(session, dialect.stageSchema, stageTable(stage))).map(({ name }) => name)
  for (const column of checks.flatMap(columnsOf)) expectColumn(stage, columns, column)
  const results: CheckResult[] = []
  for (const check of checks) {
    const message = await failureOf(session, qualifiedStage(dialect, stage), check)
    results.push({ check, passed: message === null, message })
  }
  return results
}

function columnsOf(check: Check): readonly string[] {
  switch (check.kind) {
    case 'unique':
      return check.columns
    case 'rowCount':
      return []
    default:
      return [check.column]
  }
}

function expectColumn({ table }: Stage, columns: readonly string[], column: string): void {
  if (columns.includes(column)) return
  throw new MillraceError(
    'NOT_FOUND',
    `Expected a column "${column}" in table "${table}" to check, there is ${listedNames(columns)}.`,
  )
}

/** Null where the check is passed. */
async function failureOf(session: WarehouseSession, stage: string, check: Check): Promise<string | null> {
  switch (check.kind) {
    case 'notNull': {
      const { count } = await found(
        session,
        `SELECT count(*), NULL FROM ${stage} WHERE ${quoteName(check.column)} IS NULL`,
      )
      return count === 0 ? null : `expected no NULL in ${check.column}, ${rowsHave(count)} one`
    }
    case 'unique': {
      const names = check.columns.map(quoteName).join(', ')
      const shown = check.columns
        .map(name => `coalesce(CAST(${quoteName(name)} AS VARCHAR), 'NULL')`)
        .join(` || ', ' || `)
      const { count, value } = await found(
        session,
        `SELECT count(*), min(value) FROM (SELECT ${shown} AS value FROM ${stage} GROUP BY ${names} HAVING count(*) > 1) AS q`,
      )
      const columns = check.columns.join(', ')
      return count === 0
        ? null
        : `expected each ${columns} once, ${count} ${count === 1 ? 'comes' : 'come'} several times, for example ${shownValue(value)}`
    }
    case 'acceptedValues': {
      const column = quoteName(check.column)
      const { count, value } = await found(
        session,
        `SELECT count(*), min(CAST(${column} AS VARCHAR)) FROM ${stage} WHERE ${column} NOT IN (${check.values.map(literal).join(', ')})`,
      )
      return count === 0
        ? null
        : `expected one of ${check.values.map(String).join(', ')} in ${check.column}, ${rowsHave(count)} another, for example ${shownValue(value)}`
    }
    case 'rowCount': {
      const { count } = await found(session, `SELECT count(*), NULL FROM ${stage}`)
      const fits = count >= check.least && count <= check.most
      return fits ? null : `expected ${check.least} to ${check.most} rows, there are ${count}`
    }
  }
}

async function found(session: WarehouseSession, sql: string): Promise<{ count: number; value: string }> {
  const [row] = await session.query(sql)
  return { count: Number(row![0]), value: String(row![1]) }
}

function rowsHave(count: number): string {
  return count === 1 ? '1 row has' : `${count} rows have`
}

function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? quoteText(value) : String(value)
}
