import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { MYSQL_DEADLINES, type MysqlConnection, type MysqlDeadlines, openMysqlConnection } from './mysqlConnection.ts'
import { describeMysqlColumn } from './mysqlTypes.ts'
import { type MysqlAddress, parseMysqlUrl, showMysqlAddress } from './mysqlUrl.ts'
import {
  type DescribedColumn,
  describeQuery,
  fromJoinWhere,
  parametersOf,
  type SqlDialect,
  selectedValues,
  tableNotFound,
} from './rowQuery.ts'
import type { Row, Source } from './source.ts'

export interface MysqlSourceOptions {
  /** `mysql://user:password@host:port/database`, or its parts. */
  url: string | MysqlAddress
  deadlines?: Partial<MysqlDeadlines>
}

/** Small enough that a batch dies young: larger ones are promoted, and the heap grows by 100 MB until they are collected. */
const ROWS_PER_BATCH = 256

/** Rows from a MySQL or MariaDB database. Each call has a connection of its own. */
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

  return {
    kind: 'mysql',
    url: showMysqlAddress(address),
    columns: (table, call = {}) =>
      withConnection(call, async connection => {
        const columns = await describeTable(connection, table)
        return columns.map(({ name, type }) => ({ name, type }))
      }),
    count: (query, call = {}) =>
      withConnection(call, async connection => {
        const tables = await describeQuery(query, table => describeTable(connection, table))
        const sql = `SELECT COUNT(*) ${fromJoinWhere(query, tables, DIALECT)}`
        const rows = await connection.execute(sql, parametersOf(query))
        return Number(rows[0]?.[0])
      }),
    async *rows(query, call = {}) {
      const connection = await connect(call)
      try {
        const tables = await describeQuery(query, table => describeTable(connection, table))
        const values = selectedValues(query, tables, DIALECT).map(value => value.sql)
        const sql = `SELECT ${values.join(', ')} ${fromJoinWhere(query, tables, DIALECT)}`
        yield* connection.batches(sql, parametersOf(query), ROWS_PER_BATCH)
      } finally {
        connection.close()
      }
    },
    ping: (call = {}) =>
      withConnection(call, async connection => {
        const rows = await connection.execute('SELECT VERSION()')
        return String(rows[0]?.[0])
      }),
    async close() {
      closing.abort(new MillraceError('CANCELLED', 'The MySQL source was closed while it was in use.'))
      closing = new AbortController()
    },
  }
}

/** A name in SQL, whatever characters it has. */
export function quoteMysqlName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

const DIALECT: SqlDialect = { quote: quoteMysqlName, parameters: ['?', '?'] }

async function describeTable(connection: MysqlConnection, table: string): Promise<DescribedColumn[]> {
  const rows = await connection.execute(
    'SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, TABLE_NAME' +
      ' FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [table],
  )
  // INFORMATION_SCHEMA compares names without case, tables on a Unix server are told apart by it.
  const own = rows.filter(row => row[5] === table)
  if (own.length === 0) throw tableNotFound(table, await tableNames(connection))
  return own.map(readColumn)
}

function readColumn([name, dataType, columnType, precision, scale]: Row): DescribedColumn {
  return describeMysqlColumn({
    name: String(name),
    dataType: String(dataType).toLowerCase(),
    columnType: String(columnType).toLowerCase(),
    precision: precision === null ? null : Number(precision),
    scale: scale === null ? null : Number(scale),
  })
}

async function tableNames(connection: MysqlConnection): Promise<string[]> {
  const rows = await connection.execute(
    'SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME',
  )
  return rows.map(row => String(row[0]))
}
