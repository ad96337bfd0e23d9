import type { DuckDBConnection } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import { DUCKDB_DIALECT, describeDuckdbTable, readAll } from './duckdbDescription.ts'
import { duckdbFile } from './duckdbFile.ts'
import { duckdbGrowingTables } from './duckdbGrowingTables.ts'
import { rowReader, streamedRows } from './duckdbRows.ts'
import { describeQuery, fromJoinWhere, parametersOf, selectedValues } from './rowQuery.ts'
import type { Row, Source, TableQuery } from './source.ts'

/** Rows from a DuckDB file, opened when first asked, and for reading only until something is written. NOT_FOUND for a reader where there is no file. */
export function duckdbSource({ file: path }: { file: string }): Source {
  const file = duckdbFile(path)
  const { answer } = file

  return {
    kind: 'duckdb',
    url: `duckdb:${path}`,
    columns: (table, call = {}) =>
      answer(call, async connection => {
        const columns = await describeDuckdbTable(connection, table)
        return columns.map(({ name, type }) => ({ name, type }))
      }),
    count: (query, call = {}) =>
      answer(call, async connection => {
        const tables = await describeQuery(query, table => describeDuckdbTable(connection, table))
        const sql = `SELECT COUNT(*) ${fromJoinWhere(query, tables, DUCKDB_DIALECT)}`
        const rows = await readAll(connection, sql, parametersOf(query))
        return Number(rows[0]?.[0])
      }),
    rows: (query, call = {}) => file.stream(call, (connection, signal) => readRows(connection, query, signal)),
    ping: (call = {}) =>
      answer(call, async connection => {
        const rows = await readAll(connection, 'SELECT version()')
        return `DuckDB ${String(rows[0]?.[0])}`
      }),
    ...duckdbGrowingTables(file),
    close: () => file.close(new MillraceError('CANCELLED', 'The DuckDB source was closed while it was in use.')),
  }
}

/**
 * Streams: DuckDB computes a little ahead of the reader and then waits. A stream that fails in the middle ends like one that is whole
 * (the addon does not ask for its error), so the rows are counted.
 */
async function* readRows(
  connection: DuckDBConnection,
  query: TableQuery,
  signal: AbortSignal,
): AsyncGenerator<Row[], void, undefined> {
  const tables = await describeQuery(query, table => describeDuckdbTable(connection, table))
  const { selectList, read } = rowReader(selectedValues(query, tables, DUCKDB_DIALECT))
  const fromWhere = fromJoinWhere(query, tables, DUCKDB_DIALECT)
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
