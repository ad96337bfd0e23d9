import type { DuckDBConnection } from '@duckdb/node-api'
import { DUCKDB_DIALECT, describeDuckdbTable } from './duckdbDescription.ts'
import type { DuckdbFile } from './duckdbFile.ts'
import { rowReader, streamedRows } from './duckdbRows.ts'
import { duckdbTypeName, quoteDuckdbName, quoteDuckdbText } from './duckdbTypes.ts'
import type { GrowingTables } from './growingTables.ts'
import { definitionsOf, type GrowingTypes, keysSql, rowsByKeySql } from './keyQuery.ts'
import { expectName } from './rowQuery.ts'
import type { Row } from './source.ts'

const TYPES: GrowingTypes = { date: 'DATE', float: 'DOUBLE', text: 'VARCHAR' }
/** One vector of DuckDB's: its rows stay in order whatever the threads do. */
const ROWS_PER_INSERT = 2_048

/** GrowingTables of a DuckDB file. Its writers come one by one, so that keys become visible in their order. */
export function duckdbGrowingTables(file: DuckdbFile): GrowingTables {
  return {
    createTable: (table, call = {}) =>
      file.write(call, async connection => {
        // nextval() does not understand a quote within quotes.
        const sequence = quoteDuckdbName(`${table.name}.${table.key}`.replaceAll('"', '_'))
        const key = `${quoteDuckdbName(table.key)} BIGINT NOT NULL DEFAULT nextval(${quoteDuckdbText(sequence)})`
        await connection.run(`CREATE SEQUENCE IF NOT EXISTS ${sequence}`)
        await connection.run(
          `CREATE TABLE IF NOT EXISTS ${quoteDuckdbName(table.name)} (${key}, ${definitionsOf(table, quoteDuckdbName, TYPES)})`,
        )
      }),

    append: (table, columns, rows, call = {}) =>
      file.write(call, async connection => {
        const insert = await insertFromJson(connection, table, columns)
        await connection.run('BEGIN TRANSACTION')
        for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
          await connection.run(insert, [JSON.stringify(rows.slice(start, start + ROWS_PER_INSERT))])
        }
        await connection.run('COMMIT')
      }),

    rowsByKey: (query, call = {}) =>
      file.answer(call, async connection => {
        const described = await describeDuckdbTable(connection, query.table)
        const { selected, rest, values } = rowsByKeySql(query, described, DUCKDB_DIALECT)
        const { selectList, read } = rowReader(selected)
        const result = await connection.stream(`SELECT ${selectList} ${rest}`, values)
        const rows: Row[] = []
        for await (const some of streamedRows(result, read)) rows.push(...some)
        return rows
      }),

    keys: (query, call = {}) =>
      file.stream(call, async function* (connection, signal) {
        const { sql, values } = keysSql(query, await describeDuckdbTable(connection, query.table), DUCKDB_DIALECT)
        const result = await connection.stream(sql, values)
        for (;;) {
          const chunk = await result.fetchChunk()
          signal.throwIfAborted()
          if (!chunk || chunk.rowCount === 0) return
          yield chunk.getColumnValues(0).map(Number)
        }
      }),

    openTransactions: (call = {}) =>
      // Nobody but the one writer of this process has any, and what it wrote is seen at once or never.
      file.answer(call, async () => new Set<string>()),
  }
}

/** Values go in as JSON, whose numbers are read back as the same doubles: one value to hand over instead of thousands. */
async function insertFromJson(
  connection: DuckDBConnection,
  table: string,
  columns: readonly string[],
): Promise<string> {
  const described = await describeDuckdbTable(connection, table)
  const values = columns.map((column, index) => {
    const { type } = expectName(table, described, column)
    return `CAST(json_extract_string(row, '$[${index}]') AS ${duckdbTypeName(type)})`
  })
  return (
    `INSERT INTO ${quoteDuckdbName(table)} (${columns.map(quoteDuckdbName).join(', ')})` +
    ` SELECT ${values.join(', ')} FROM (SELECT unnest(CAST($1::JSON AS JSON[])) AS row)`
  )
}
