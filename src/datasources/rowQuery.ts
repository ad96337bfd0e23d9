import { MillraceError } from '../errors.ts'
import type { ColumnType, SourceColumn, TableQuery } from './source.ts'

/** A column as its database describes it now. */
export interface DescribedColumn extends SourceColumn {
  /** SQL that yields the value as `type` promises it, from the quoted and qualified column. */
  select(qualifiedName: string): string
}

/** What the keeper's database writes differently from the others. */
export interface SqlDialect {
  quote(name: string): string
  /** Placeholders for `above` and `below`. */
  parameters: readonly [string, string]
}

export interface DescribedTables {
  table: readonly DescribedColumn[]
  /** None where the query has no join. */
  joined: readonly DescribedColumn[]
}

/** One value of a row, in the query's order. */
export interface SelectedValue {
  type: ColumnType
  sql: string
}

/**
 * What to select for a query's rows, each name found in the database's own description.
 *
 * Errors: NOT_FOUND for a column that is not there, with those that are; CONFLICT where a column has another type
 * than the query was made for, because its values would arrive in another representation.
 */
export function selectedValues(query: TableQuery, tables: DescribedTables, dialect: SqlDialect): SelectedValue[] {
  const { table, columns, join } = query
  const left = alias('l', dialect)
  const values = columns.map(column => selectedValue(table, tables.table, column, left))
  if (!join) return values
  const right = alias('r', dialect)
  return [...values, ...join.columns.map(column => selectedValue(join.table, tables.joined, column, right))]
}

/** The rest of the SELECT, from FROM on; see parametersOf(). NOT_FOUND for a column that is not there, with those that are. */
export function fromJoinWhere(query: TableQuery, tables: DescribedTables, dialect: SqlDialect): string {
  return `FROM ${dialect.quote(query.table)} AS l${joinOf(query, tables, dialect)}${whereOf(query, tables, dialect)}`
}

/** The values of the placeholders in fromJoinWhere(). */
export function parametersOf({ where }: TableQuery): number[] {
  return where ? [where.above, where.below] : []
}

/** The description of both tables; `describe` asks the database for one. */
export async function describeQuery(
  query: TableQuery,
  describe: (table: string) => Promise<DescribedColumn[]>,
): Promise<DescribedTables> {
  const table = await describe(query.table)
  return { table, joined: query.join ? await describe(query.join.table) : [] }
}

function joinOf({ table, join }: TableQuery, tables: DescribedTables, dialect: SqlDialect): string {
  if (!join) return ''
  expectName(table, tables.table, join.on.left)
  expectName(join.table, tables.joined, join.on.right)
  const left = alias('l', dialect)(join.on.left)
  const right = alias('r', dialect)(join.on.right)
  return ` INNER JOIN ${dialect.quote(join.table)} AS r ON ${left} = ${right}`
}

function whereOf({ table, where }: TableQuery, tables: DescribedTables, dialect: SqlDialect): string {
  if (!where) return ''
  expectName(table, tables.table, where.column)
  const column = alias('l', dialect)(where.column)
  const [above, below] = dialect.parameters
  return ` WHERE ${column} > ${above} AND ${column} < ${below}`
}

export function tableNotFound(table: string, tables: readonly string[]): MillraceError {
  return new MillraceError('NOT_FOUND', `Expected a table "${table}" in the source, there is ${listed(tables)}.`, {
    hint: 'Load the table into the source, or point MILLRACE_SOURCE_URL at the database that has it.',
  })
}

function alias(letter: string, dialect: SqlDialect): (name: string) => string {
  return name => `${letter}.${dialect.quote(name)}`
}

function selectedValue(
  table: string,
  described: readonly DescribedColumn[],
  column: SourceColumn,
  qualified: (name: string) => string,
): SelectedValue {
  const found = expectName(table, described, column.name)
  if (describe(found.type) !== describe(column.type)) {
    throw new MillraceError(
      'CONFLICT',
      `Expected column "${column.name}" of table "${table}" to be ${describe(column.type)}, it is ${describe(found.type)} now.`,
      { hint: 'The table was changed in between: start again.' },
    )
  }
  return { type: found.type, sql: found.select(qualified(column.name)) }
}

/** NOT_FOUND for a column that is not there, with those that are. */
export function expectName(table: string, described: readonly DescribedColumn[], name: string): DescribedColumn {
  const found = described.find(column => column.name === name)
  if (found) return found
  const names = described.map(column => column.name)
  throw new MillraceError('NOT_FOUND', `Expected a column "${name}" in table "${table}", there is ${listed(names)}.`, {
    hint: `Add the column to "${table}", or point MILLRACE_SOURCE_URL at the database whose "${table}" has it.`,
  })
}

function describe(type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
      return `${type.signed ? 'a signed' : 'an unsigned'} ${type.bits}-bit integer`
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'float':
      return `a ${type.bits}-bit float`
    case 'timestamp':
      return type.utc ? 'a timestamp in UTC' : 'a timestamp without a zone'
    default:
      return type.kind
  }
}

const NAMES_SHOWN = 20

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const shown = names
    .slice(0, NAMES_SHOWN)
    .map(name => `"${name}"`)
    .join(', ')
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown
}
