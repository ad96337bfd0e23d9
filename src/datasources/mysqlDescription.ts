import type { KeyDialect } from './keyQuery.ts'
import type { MysqlConnection } from './mysqlConnection.ts'
import { describeMysqlColumn, quoteMysqlName } from './mysqlTypes.ts'
import { type DescribedColumn, tableNotFound } from './rowQuery.ts'
import type { Row } from './source.ts'

export const MYSQL_DIALECT: KeyDialect = {
  quote: quoteMysqlName,
  parameters: ['?', '?'],
  // A number travels as a DOUBLE, which no index of whole numbers is asked for.
  integer: () => 'CAST(? AS SIGNED)',
}

/** The columns of a table as the database describes them. NOT_FOUND, with the tables that are there. */
export async function describeMysqlTable(connection: MysqlConnection, table: string): Promise<DescribedColumn[]> {
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
