import type { JdbcKey, JdbcRead } from './jdbc.ts'
import type { MysqlConnection } from './mysqlConnection.ts'
import { describeMysqlTable, MYSQL_DIALECT } from './mysqlDescription.ts'
import { quoteMysqlName } from './mysqlTypes.ts'
import type { MysqlAddress } from './mysqlUrl.ts'
import { type DescribedColumn, describeQuery, fromJoinWhere, selectedValues } from './rowQuery.ts'
import type { ColumnType, TableQuery } from './source.ts'

/** MariaDB's driver speaks to MySQL too, and is free to give away. */
const DRIVER = 'org.mariadb.jdbc.Driver'
const CONNECT_MILLIS = 5_000
/** A database may look long for the first row of a range. */
const SILENCE_MILLIS = 300_000
/** The server gives up on a reader that does not read for so long. */
const WRITE_TIMEOUT_SECONDS = 3_600
const KEY = 'k'

/** Errors as in Source.rows. */
export async function describeMysqlJdbc(
  connection: MysqlConnection,
  address: MysqlAddress,
  query: TableQuery,
  spreadBy: string,
): Promise<JdbcRead> {
  const tables = await describeQuery(query, table => describeMysqlTable(connection, table))
  const { above, below } = query.where ?? { above: 0, below: 0 }
  const dialect = { ...MYSQL_DIALECT, parameters: [numberSql(above), numberSql(below)] as const }
  const key = await findKey(connection, query.table, tables.table, spreadBy)
  const values = selectedValues(query, tables, dialect).map(
    ({ type, sql }, index) => `${travelling(type, sql)} AS c${index}`,
  )
  const keyValue = key && `l.${quoteMysqlName(key.column)} AS ${KEY}`
  const selected = [...values, ...(keyValue ? [keyValue] : [])].join(', ')
  return {
    url: jdbcUrl(address),
    driver: DRIVER,
    user: address.user,
    password: address.password,
    firstStatement: `SET time_zone = '+00:00', net_write_timeout = ${WRITE_TIMEOUT_SECONDS}`,
    sql: `SELECT ${selected} ${fromJoinWhere(query, tables, dialect)}`,
    columns: [...query.columns, ...(query.join?.columns ?? [])].map(({ name, type }, index) => ({
      name,
      type,
      alias: `c${index}`,
    })),
    key: key && { alias: KEY, least: key.least, most: key.most, indexed: key.indexed },
  }
}

/** With "mysql:" Spark quotes names as MySQL does; the driver wants to be asked for that. */
function jdbcUrl({ host, port, database, tls }: MysqlAddress): string {
  const parameters = [
    'permitMysqlScheme=true',
    'useServerPrepStmts=true', // else FLOAT comes with six digits
    `connectTimeout=${CONNECT_MILLIS}`,
    `socketTimeout=${SILENCE_MILLIS}`,
    // Without TLS, MySQL 8 takes a password that is encrypted with a key that it gives.
    ...(tls ? ['sslMode=verify-full'] : ['sslMode=disable', 'allowPublicKeyRetrieval=true']),
  ]
  return `jdbc:mysql://${host.includes(':') ? `[${host}]` : host}:${port}/${database}?${parameters.join('&')}`
}

/** A value as drivers give it without a choice: they differ over small integers, bits, years, and dates in any time zone. */
function travelling(type: ColumnType, sql: string): string {
  switch (type.kind) {
    case 'integer':
      return type.bits === 64 && !type.signed ? `CAST(${sql} AS DECIMAL(20,0))` : `CAST(${sql} AS SIGNED)`
    case 'date':
    case 'timestamp':
    case 'text':
      return `CAST(${sql} AS CHAR)`
    default:
      return sql
  }
}

function numberSql(value: number): string {
  return `${value}e0`.replace(/(e[+-]?\d+)e0$/, '$1')
}

type FoundKey = Omit<JdbcKey, 'alias'> & { column: string }

/** A column of whole numbers that an index begins with, the primary key before others; else `spreadBy`, if it has numbers. */
async function findKey(
  connection: MysqlConnection,
  table: string,
  described: readonly DescribedColumn[],
  spreadBy: string,
): Promise<FoundKey | null> {
  const rows = await connection.execute(
    'SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1' +
      " ORDER BY INDEX_NAME <> 'PRIMARY', NON_UNIQUE, INDEX_NAME",
    [table],
  )
  const kindOf = (name: string) => described.find(column => column.name === name)?.type.kind ?? 'text'
  const indexed = rows.map(row => String(row[0])).find(name => kindOf(name) === 'integer')
  const column = indexed ?? (['integer', 'decimal', 'float'].includes(kindOf(spreadBy)) ? spreadBy : undefined)
  if (column === undefined) return null
  const name = quoteMysqlName(column)
  const [bounds] = await connection.execute(
    `SELECT CAST(FLOOR(MIN(${name})) AS SIGNED), CAST(CEILING(MAX(${name})) AS SIGNED) FROM ${quoteMysqlName(table)}`,
  )
  const [least, most] = (bounds ?? [null, null]).map(bound => (bound === null ? Number.NaN : Number(bound)))
  if (!Number.isSafeInteger(least) || !Number.isSafeInteger(most)) return null
  return { column, least: least!, most: most!, indexed: indexed !== undefined }
}
