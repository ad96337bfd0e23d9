import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { MYSQL_DEADLINES, type MysqlConnection, type MysqlDeadlines, openMysqlConnection } from './mysqlConnection.ts'
import { describeMysqlTable, MYSQL_DIALECT } from './mysqlDescription.ts'
import { mysqlGrowingTables } from './mysqlGrowingTables.ts'
import { describeMysqlJdbc } from './mysqlJdbc.ts'
import { mysqlPool } from './mysqlPool.ts'
import { type MysqlAddress, parseMysqlUrl, showMysqlAddress } from './mysqlUrl.ts'
import { describeQuery, fromJoinWhere, parametersOf, type SqlDialect, selectedValues } from './rowQuery.ts'
import type { Source, TableQuery } from './source.ts'

export interface MysqlSourceOptions {
  /** `mysql://user:password@host:port/database`, or its parts. */
  url: string | MysqlAddress
  deadlines?: Partial<MysqlDeadlines>
}

/** Small enough that a batch dies young: larger ones are promoted, and the heap grows by 100 MB until they are collected. */
const ROWS_PER_BATCH = 256

async function selectOf(connection: MysqlConnection, query: TableQuery, dialect: SqlDialect): Promise<string> {
  const tables = await describeQuery(query, table => describeMysqlTable(connection, table))
  const values = selectedValues(query, tables, dialect).map(value => value.sql)
  return `SELECT ${values.join(', ')} ${fromJoinWhere(query, tables, dialect)}`
}

/** Rows from a MySQL or MariaDB database. Each call has a connection of its own, but for those of GrowingTables. */
export function mysqlSource({ url, deadlines: changed }: MysqlSourceOptions): Source {
  const address = typeof url === 'string' ? parseMysqlUrl(url) : url
  const deadlines = { ...MYSQL_DEADLINES, ...changed }
  let closing = new AbortController()

  function connect(call: Call): Promise<MysqlConnection> {
    const signal = call.signal ? AbortSignal.any([call.signal, closing.signal]) : closing.signal
    return openMysqlConnection(address, deadlines, signal)
  }
  async function withConnection<T>(call: Call, use: (connection: MysqlConnection) => Promise<T>): Promise<T> {
    const connection = await connect(call)
    try {
      return await use(connection)
    } finally {
      connection.close()
    }
  }

  const pool = mysqlPool(signal => connect({ signal }))

  return {
    kind: 'mysql',
    url: showMysqlAddress(address),
    columns: (table, call = {}) =>
      withConnection(call, async connection => {
        const columns = await describeMysqlTable(connection, table)
        return columns.map(({ name, type }) => ({ name, type }))
      }),
    count: (query, call = {}) =>
      withConnection(call, async connection => {
        const tables = await describeQuery(query, table => describeMysqlTable(connection, table))
        const sql = `SELECT COUNT(*) ${fromJoinWhere(query, tables, MYSQL_DIALECT)}`
        const rows = await connection.execute(sql, parametersOf(query))
        return Number(rows[0]?.[0])
      }),
    async *rows(query, call = {}) {
      const connection = await connect(call)
      try {
        const sql = await selectOf(connection, query, MYSQL_DIALECT)
        yield* connection.batches(sql, parametersOf(query), ROWS_PER_BATCH)
      } finally {
        connection.close()
      }
    },
    ...(!address.tls && {
      async *wireRows(query: TableQuery, call: Call = {}) {
        const connection = await connect(call)
        try {
          const [above = 0, below = 0] = parametersOf(query)
          const literals = { ...MYSQL_DIALECT, parameters: [String(above), String(below)] as const }
          yield* connection.wireRows!(await selectOf(connection, query, literals))
        } finally {
          connection.close()
        }
      },
    }),
    jdbc: (query, spreadBy, call = {}) =>
      withConnection(call, connection => describeMysqlJdbc(connection, address, query, spreadBy)),
    ping: (call = {}) =>
      withConnection(call, async connection => {
        const rows = await connection.execute('SELECT VERSION()')
        return String(rows[0]?.[0])
      }),
    ...mysqlGrowingTables(pool, connect),
    async close() {
      pool.close()
      closing.abort(new MillraceError('CANCELLED', 'The MySQL source was closed while it was in use.'))
      closing = new AbortController()
    },
  }
}
