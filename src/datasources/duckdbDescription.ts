import type { DuckDBConnection } from '@duckdb/node-api'
import { describeDuckdbColumn, quoteDuckdbName } from './duckdbTypes.ts'
import type { KeyDialect } from './keyQuery.ts'
import { type DescribedColumn, tableNotFound } from './rowQuery.ts'
import type { Row } from './source.ts'

export const DUCKDB_DIALECT: KeyDialect = {
  quote: quoteDuckdbName,
  parameters: ['$1::DOUBLE', '$2::DOUBLE'],
  integer: number => `$${number}::BIGINT`,
}

/** The columns of a table as the database describes them. NOT_FOUND, with the tables that are there. */
export async function describeDuckdbTable(connection: DuckDBConnection, table: string): Promise<DescribedColumn[]> {
  const columns = await readAll(
    connection,
    `SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $1
       AND database_name = current_database() AND schema_name = current_schema() ORDER BY column_index`,
    [table],
  )
  if (columns.length === 0) throw tableNotFound(table, await tableNames(connection))
  return columns.map(([name, dataType]) => describeDuckdbColumn({ name: String(name), dataType: String(dataType) }))
}

/** All rows of a small result, as DuckDB's addon represents their values. */
export async function readAll(
  connection: DuckDBConnection,
  sql: string,
  values: (string | number)[] = [],
): Promise<Row[]> {
  const reader = await connection.runAndReadAll(sql, values)
  return reader.getRows()
}

async function tableNames(connection: DuckDBConnection): Promise<string[]> {
  const rows = await readAll(
    connection,
    `SELECT DISTINCT table_name FROM duckdb_columns()
       WHERE NOT internal AND database_name = current_database() AND schema_name = current_schema() ORDER BY 1`,
  )
  return rows.map(row => String(row[0]))
}
