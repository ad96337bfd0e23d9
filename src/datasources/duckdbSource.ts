import { access, constants } from 'node:fs/promises'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { rowReader } from './duckdbRows.ts'
import { describeDuckdbColumn } from './duckdbTypes.ts'
import {
  type DescribedColumn,
  type DescribedTables,
  fromJoinWhere,
  type SqlDialect,
  selectedValues,
  tableNotFound,
} from './rowQuery.ts'
import type { Row, RowQuery, Source } from './source.ts'

/** Rows from a DuckDB file, opened for reading only and when first asked. NOT_FOUND where there is no file. */
export function duckdbSource({ file }: { file: string }): Source {
  let opening: Promise<DuckDBInstance> | undefined
  const inUse = new Set<DuckDBConnection>()

  async function connect(): Promise<DuckDBConnection> {
    opening ??= openReadOnly(file)
    try {
      return await (await opening).connect()
    } catch (error) {
      opening = undefined
      throw error
    }
  }
  /** Runs `use` with a connection of its own, interrupted by the signal and by close(). */
  async function* withConnection<T>(
    { signal }: Call,
    use: (connection: DuckDBConnection) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    signal?.throwIfAborted()
    const connection = await connect()
    const interrupt = () => connection.interrupt()
    signal?.addEventListener('abort', interrupt, { once: true })
    inUse.add(connection)
    try {
      for await (const item of use(connection)) {
        signal?.throwIfAborted()
        yield item
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', interrupt)
      inUse.delete(connection)
      connection.interrupt()
      connection.closeSync()
    }
  }
  async function answer<T>(call: Call, ask: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    for await (const result of withConnection(call, connection => once(ask(connection)))) return result
    throw new MillraceError('INTERNAL', 'A question to DuckDB had no answer.')
  }

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
        const tables = await describeTables(connection, query)
        const sql = `SELECT COUNT(*) ${fromJoinWhere(query, tables, DIALECT)}`
        const rows = await readAll(connection, sql, [query.where.above, query.where.below])
        return Number(rows[0]?.[0])
      }),
    rows: (query, call = {}) => withConnection(call, connection => readRows(connection, query)),
    ping: (call = {}) =>
      answer(call, async connection => {
        const rows = await readAll(connection, 'SELECT version()')
        return `DuckDB ${String(rows[0]?.[0])}`
      }),
    async close() {
      for (const connection of inUse) connection.interrupt()
      const instance = await opening?.catch(() => undefined)
      opening = undefined
      instance?.closeSync()
    },
  }
}

/** A name in SQL, whatever characters it has. */
export function quoteDuckdbName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

const DIALECT: SqlDialect = { quote: quoteDuckdbName, parameters: ['$1::DOUBLE', '$2::DOUBLE'] }

/** Streams: DuckDB computes a little ahead of the reader and then waits. */
async function* readRows(connection: DuckDBConnection, query: RowQuery): AsyncGenerator<Row[], void, undefined> {
  const tables = await describeTables(connection, query)
  const { selectList, read } = rowReader(selectedValues(query, tables, DIALECT))
  const sql = `SELECT ${selectList} ${fromJoinWhere(query, tables, DIALECT)}`
  const result = await connection.stream(sql, [query.where.above, query.where.below])
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) return
    yield read(chunk)
  }
}

async function openReadOnly(file: string): Promise<DuckDBInstance> {
  try {
    await access(file, constants.R_OK)
  } catch (cause) {
    throw new MillraceError('NOT_FOUND', `Expected a DuckDB file at ${file}, there is none that can be read.`, {
      hint: 'Make the sample with `millrace sample`, or set MILLRACE_SOURCE_URL to a MySQL database.',
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

async function describeTables(connection: DuckDBConnection, query: RowQuery): Promise<DescribedTables> {
  const table = await describeTable(connection, query.table)
  const joined = await describeTable(connection, query.join.table)
  return { table, joined }
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

async function* once<T>(promise: Promise<T>): AsyncGenerator<T, void, undefined> {
  yield await promise
}
