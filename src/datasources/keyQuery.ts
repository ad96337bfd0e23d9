import type { GrowingTable, KeyQuery, KeyRange } from './growingTables.ts'
import {
  type DescribedColumn,
  expectName,
  fromJoinWhere,
  type SelectedValue,
  type SqlDialect,
  selectedValues,
} from './rowQuery.ts'

/** What GrowingTables.rowsByKey asks: "SELECT", what is selected, and the rest of it. Errors as in selectedValues(). */
export function rowsByKeySql(
  query: KeyQuery,
  described: readonly DescribedColumn[],
  dialect: KeyDialect,
): { selected: SelectedValue[]; rest: string; values: number[] } {
  const { key, after, descending = false, limit } = query
  const tables = { table: described, joined: [] }
  const table = { table: query.table, columns: [...query.columns] }
  const above = range({ table: query.table, key, ...(after !== undefined && { after }) }, described, dialect)
  const order = `ORDER BY ${above.column} ${descending ? 'DESC' : 'ASC'} LIMIT ${limit}`
  return {
    selected: selectedValues(table, tables, dialect),
    rest: `${fromJoinWhere(table, tables, dialect)} ${above.sql} ${order}`,
    values: above.values,
  }
}

/** What GrowingTables.keys asks. NOT_FOUND for a column that is not there. */
export function keysSql(
  query: KeyRange,
  described: readonly DescribedColumn[],
  dialect: KeyDialect,
): { sql: string; values: number[] } {
  const { sql, column, values } = range(query, described, dialect)
  const from = fromJoinWhere({ table: query.table, columns: [] }, { table: described, joined: [] }, dialect)
  return { sql: `SELECT ${column} ${from} ${sql} ORDER BY ${column}`, values }
}

export interface KeyDialect extends SqlDialect {
  /** Placeholder for an integer, the first or the second of a statement. */
  integer: (number: 1 | 2) => string
}

/** SQL types of the columns of a GrowingTable. */
export type GrowingTypes = Readonly<Record<GrowingTable['columns'][number]['kind'], string>>

export function definitionsOf({ columns }: GrowingTable, quote: (name: string) => string, types: GrowingTypes): string {
  return columns.map(({ name, kind }) => `${quote(name)} ${types[kind]} NOT NULL`).join(', ')
}

function range(
  { table, key, after, through }: KeyRange,
  described: readonly DescribedColumn[],
  dialect: KeyDialect,
): { sql: string; column: string; values: number[] } {
  expectName(table, described, key)
  const column = `l.${dialect.quote(key)}`
  const above = `WHERE ${column} > ${dialect.integer(1)}`
  const from = after ?? Number.MIN_SAFE_INTEGER
  if (through === undefined) return { sql: above, column, values: [from] }
  return { sql: `${above} AND ${column} <= ${dialect.integer(2)}`, column, values: [from, through] }
}
