import type { NewTable } from '../../datasources/mysqlTables.ts'
import { text } from '../../randomSql.ts'
import { OCCUPATIONS, REGIONS } from './places.ts'

/** The tables of the source that go with the citizens. */
const TABLES: readonly { name: string; columns: readonly string[]; rows: readonly (readonly string[])[] }[] = [
  {
    name: 'regions',
    columns: ['region', 'region_name', 'country'],
    rows: REGIONS.map(({ region, name, country }) => [region, name, country]),
  },
  {
    name: 'occupations',
    columns: ['occupation', 'title', 'sector'],
    rows: OCCUPATIONS.map(({ occupation, title, sector }) => [occupation, title, sector]),
  },
]

/** SQL that makes them in a DuckDB file that has none of them. */
export function duckdbReferenceTables(): string[] {
  return TABLES.flatMap(({ name, columns, rows }) => [
    `CREATE TABLE ${name} (${definition(columns, 'VARCHAR')})`,
    `INSERT INTO ${name} VALUES ${rows.map(tuple).join(', ')}`,
  ])
}

/** For createMysqlTables(). */
export function mysqlReferenceTables(): NewTable[] {
  return TABLES.map(({ name, columns, rows }) => ({
    name,
    definition: definition(columns, 'VARCHAR(100)'),
    rows: once(rows.map(tuple)),
  }))
}

/** The first column is the key. */
function definition(columns: readonly string[], type: string): string {
  return columns.map((column, index) => `${column} ${type} NOT NULL${index === 0 ? ' PRIMARY KEY' : ''}`).join(', ')
}

function tuple(values: readonly string[]): string {
  return `(${values.map(text).join(', ')})`
}

async function* once(rows: string[]): AsyncGenerator<string[], void, undefined> {
  yield rows
}
