import { access, constants } from 'node:fs/promises'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import { duckdbConnections } from './duckdbConnections.ts'
import { rowReader, streamedRows } from './duckdbRows.ts'
import { describeDuckdbColumn, quoteDuckdbName } from './duckdbTypes.ts'
import {
  type DescribedColumn,
  describeQuery,
  fromJoinWhere,
  parametersOf,
  type SqlDialect,
  selectedValues,
  tableNotFound,
} from './rowQuery.ts'
import type { Row, Source, TableQuery } from './source.ts'

/** Rows from a DuckDB file, opened for reading only and when first asked. NOT_FOUND where there is no file. */
export function duckdbSource({ file }: { file: string }): Source {
  const connections = duckdbConnections(() => openReadOnly(file))
  const { answer } = connections

  return {
    kind: 'duckdb',
    url: `duckdb:${file}`,
    columns: (table, call = {}) =>
      answer(call, async connection => {
        const columns = await describeTable(connection, table)
        return columns.map(({ name, type }) => ({ name, type }))
      }),
    count: (query, call = {}) =>
      answer(call, async connection => {
        const tables = await describeQuery(query, table => describeTable(connection, table))
        const sql = `SELECT COUNT(*) ${fromJoinWhere(query, tables, DIALECT)}`
        const rows = await readAll(connection, sql, parametersOf(query))
        return Number(rows[0]?.[0])
      }),
    rows: (query, call = {}) => connections.stream(call, (connection, signal) => readRows(connection, query, signal)),
    ping: (call = {}) =>
      answer(call, async connection => {
        const rows = await readAll(connection, 'SELECT version()')
        return `DuckDB ${String(rows[0]?.[0])}`
      }),
    close: () => connections.close(new MillraceError('CANCELLED', 'The DuckDB source was closed while it was in use.')),
  }
}

const DIALECT: SqlDialect = { quote: quoteDuckdbName, parameters: ['$1::DOUBLE', '$2::DOUBLE'] }

/**
 * Streams: DuckDB computes a little ahead of the reader and then waits. A stream that fails in the middle ends like one that is whole
 * (the addon does not ask for its error), so the rows are counted.
 */
async function* readRows(
  connection: DuckDBConnection,
  query: TableQuery,
  signal: AbortSignal,
): AsyncGenerator<Row[], void, undefined> {
  const tables = await describeQuery(query, table => describeTable(connection, table))
  const { selectList, read } = rowReader(selectedValues(query, tables, DIALECT))
  const fromWhere = fromJoinWhere(query, tables, DIALECT)
  const range = parametersOf(query)
  const result = await connection.stream(`SELECT ${selectList} ${fromWhere}`, range)
  let received = 0
  for await (const rows of streamedRows(result, read)) {
    received += rows.length
    yield rows
  }
  signal.throwIfAborted()
  const expected = Number((await readAll(connection, `SELECT COUNT(*) ${fromWhere}`, range))[0]?.[0])
  if (received !== expected) {
    throw new MillraceError('UNAVAILABLE', `Expected ${expected} rows from DuckDB, it gave up after ${received}.`, {
      hint: 'It may have run out of memory: repeat, and see whether the DuckDB file can be read by other programs.',
    })
  }
}

async function openReadOnly(file: string): Promise<DuckDBInstance> {
  try {
    await access(file, constants.R_OK)
  } catch (cause) {
    throw new MillraceError('NOT_FOUND', `Expected a DuckDB file at ${file}, there is none that can be read.`, {
      hint: 'Make the sample with `millrace sample create`, or set MILLRACE_SOURCE_URL to a MySQL database.',
      cause,
    })
  }
  try {
    return await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' })
  } catch (cause) {
    throw new MillraceError('UNAVAILABLE', `The DuckDB file ${file} cannot be opened.`, {
      hint: 'Check that it is a DuckDB file and that no other program is writing to it.',
      cause,
    })
  }
}

async function describeTable(connection: DuckDBConnection, table: string): Promise<DescribedColumn[]> {
  const columns = await readAll(
    connection,
    `SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $1
       AND database_name = current_database() AND schema_name = current_schema() ORDER BY column_index`,
    [table],
  )
  if (columns.length === 0) throw tableNotFound(table, await tableNames(connection))
  return columns.map(([name, dataType]) => describeDuckdbColumn({ name: String(name), dataType: String(dataType) }))
}

async function tableNames(connection: DuckDBConnection): Promise<string[]> {
  const rows = await readAll(
    connection,
    `SELECT DISTINCT table_name FROM duckdb_columns()
       WHERE NOT internal AND database_name = current_database() AND schema_name = current_schema() ORDER BY 1`,
  )
  return rows.map(row => String(row[0]))
}

async function readAll(connection: DuckDBConnection, sql: string, values: (string | number)[] = []): Promise<Row[]> {
  const reader = await connection.runAndReadAll(sql, values)
  return reader.getRows()
}
