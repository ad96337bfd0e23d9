import { hasCode } from '../errors.ts'
import type { GrowingTables } from './growingTables.ts'
import { definitionsOf, type GrowingTypes, keysSql, rowsByKeySql } from './keyQuery.ts'
import type { MysqlConnection, MysqlValue } from './mysqlConnection.ts'
import { describeMysqlTable, MYSQL_DIALECT } from './mysqlDescription.ts'
import type { MysqlPool } from './mysqlPool.ts'
import { quoteMysqlName } from './mysqlTypes.ts'
import type { DescribedColumn } from './rowQuery.ts'

const TYPES: GrowingTypes = { date: 'DATE', float: 'DOUBLE', text: 'VARCHAR(255)' }
/** A prepared statement takes 65,535 values. */
const MOST_VALUES = 6_000
/** Small numbers: more of them cost nothing. */
const KEYS_PER_BATCH = 4_096

/** GrowingTables of a MySQL database: short questions through connections that are kept, for they are asked again and again. */
export function mysqlGrowingTables(pool: MysqlPool, connect: MysqlConnect): GrowingTables {
  return {
    createTable: (table, call = {}) =>
      pool.use(call, async connection => {
        // Asked first, because CREATE TABLE IF NOT EXISTS wants the right to create even where it creates nothing.
        if (await exists(connection, table.name)) return
        const key = `${quoteMysqlName(table.key)} BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY`
        await connection.run(
          `CREATE TABLE IF NOT EXISTS ${quoteMysqlName(table.name)} (${key}, ` +
            `${definitionsOf(table, quoteMysqlName, TYPES)}) ENGINE=InnoDB CHARACTER SET utf8mb4`,
        )
      }),

    append: (table, columns, rows, call = {}) =>
      pool.use(call, async connection => {
        await described(connection, table)
        const rowsAtOnce = Math.floor(MOST_VALUES / columns.length)
        const transaction = rows.length > rowsAtOnce
        if (transaction) await connection.run('START TRANSACTION')
        for (let start = 0; start < rows.length; start += rowsAtOnce) {
          const some = rows.slice(start, start + rowsAtOnce)
          const sql = insertSql(table, columns, some.length)
          await connection.execute(sql, some.flat() as MysqlValue[])
        }
        if (transaction) await connection.run('COMMIT')
      }),

    rowsByKey: (query, call = {}) =>
      pool.use(call, async connection => {
        const { selected, rest, values } = rowsByKeySql(query, await described(connection, query.table), MYSQL_DIALECT)
        return connection.execute(`SELECT ${selected.map(value => value.sql).join(', ')} ${rest}`, values.map(String))
      }),

    async *keys(query, call = {}) {
      const connection = await connect(call)
      try {
        const { sql, values } = keysSql(query, await described(connection, query.table), MYSQL_DIALECT)
        for await (const rows of connection.batches(sql, values.map(String), KEYS_PER_BATCH)) {
          yield rows.map(row => Number(row[0]))
        }
      } finally {
        connection.close()
      }
    },

    openTransactions: (call = {}) =>
      pool.use(call, async connection => {
        try {
          // A transaction that only reads has no number of its own and holds no lock: a dump of an hour does not count.
          const rows = await connection.execute(
            'SELECT CAST(trx_id AS CHAR) FROM INFORMATION_SCHEMA.INNODB_TRX WHERE trx_lock_structs > 0 OR trx_rows_modified > 0',
          )
          return new Set(rows.map(row => String(row[0])))
        } catch (error) {
          if (hasCode(error, 'FORBIDDEN')) return undefined
          throw error
        }
      }),
  }
}

function insertSql(table: string, columns: readonly string[], rows: number): string {
  const tuple = `(${columns.map(() => '?').join(',')})`
  const tuples = Array.from({ length: rows }, () => tuple).join(',')
  return `INSERT INTO ${quoteMysqlName(table)} (${columns.map(quoteMysqlName).join(', ')}) VALUES ${tuples}`
}

export type MysqlConnect = (call: { signal?: AbortSignal }) => Promise<MysqlConnection>

/** What a connection was told of a table holds until an error closes it: a table that was changed is such an error, or stays readable. */
const descriptions = new WeakMap<MysqlConnection, Map<string, DescribedColumn[]>>()

async function described(connection: MysqlConnection, table: string): Promise<DescribedColumn[]> {
  const known = descriptions.get(connection) ?? new Map<string, DescribedColumn[]>()
  descriptions.set(connection, known)
  const columns = known.get(table) ?? (await describeMysqlTable(connection, table))
  known.set(table, columns)
  return columns
}

async function exists(connection: MysqlConnection, table: string): Promise<boolean> {
  try {
    await described(connection, table)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}
