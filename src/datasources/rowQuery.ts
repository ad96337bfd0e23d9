import { MillraceError } from '../errors.ts'
import type { ColumnType, RowQuery, SourceColumn } from './source.ts'

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
export function selectedValues(query: RowQuery, tables: DescribedTables, dialect: SqlDialect): SelectedValue[] {
  const left = alias('l', dialect)
  const right = alias('r', dialect)
  return [
    ...query.columns.map(column => selectedValue(query.table, tables.table, column, left)),
    ...query.join.columns.map(column => selectedValue(query.join.table, tables.joined, column, right)),
  ]
}

/** The rest of the SELECT, from FROM on. NOT_FOUND for a column that is not there, with those that are. */
export function fromJoinWhere(query: RowQuery, tables: DescribedTables, dialect: SqlDialect): string {
  const { table, join, where } = query
  expectName(table, tables.table, join.on.left)
  expectName(join.table, tables.joined, join.on.right)
  expectName(table, tables.table, where.column)
  const left = alias('l', dialect)
  const right = alias('r', dialect)
  const [above, below] = dialect.parameters
  return (
    `FROM ${dialect.quote(table)} AS l INNER JOIN ${dialect.quote(join.table)} AS r` +
    ` ON ${left(join.on.left)} = ${right(join.on.right)}` +
    ` WHERE ${left(where.column)} > ${above} AND ${left(where.column)} < ${below}`
  )
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

function expectName(table: string, described: readonly DescribedColumn[], name: string): DescribedColumn {
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
