import type { DescribedColumn } from './rowQuery.ts'
import type { ColumnType } from './source.ts'

/** A row of INFORMATION_SCHEMA.COLUMNS. */
export interface MysqlColumn {
  name: string
  /** For example "int". */
  dataType: string
  /** For example "int(10) unsigned". */
  columnType: string
  precision: number | null
  scale: number | null
}

const DECIMAL_DIGITS = 38

/** A name in SQL, whatever characters it has. */
export function quoteMysqlName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

const asIs = (column: string) => column
const asText = (column: string) => `CAST(${column} AS CHAR)`

/**
 * Which ColumnType a column is, and the SQL that makes the binary protocol and mysql2 deliver it so.
 *
 * The binary protocol is exact where the text protocol is not (FLOAT has six digits there). Three things mysql2 would
 * read differently from what MySQL prints are turned by the server: TIME (trailing zeros), BIT (bytes), zero-filled DECIMAL.
 */
export function describeMysqlColumn(column: MysqlColumn): DescribedColumn {
  const { type, select } = describe(column)
  return { name: column.name, type, select }
}

function describe(column: MysqlColumn): { type: ColumnType; select: (column: string) => string } {
  const signed = !column.columnType.includes('unsigned')
  switch (column.dataType) {
    case 'tinyint':
      return { type: { kind: 'integer', bits: 8, signed }, select: asIs }
    case 'smallint':
      return { type: { kind: 'integer', bits: 16, signed }, select: asIs }
    case 'mediumint':
    case 'int':
      return { type: { kind: 'integer', bits: 32, signed }, select: asIs }
    case 'bigint':
      return { type: { kind: 'integer', bits: 64, signed }, select: asIs }
    case 'year':
      return { type: { kind: 'integer', bits: 16, signed: false }, select: asIs }
    case 'bit':
      return { type: { kind: 'integer', bits: 64, signed: false }, select: name => `CAST(${name} AS UNSIGNED)` }
    case 'decimal':
      return describeDecimal(column)
    case 'float':
      return { type: { kind: 'float', bits: 32 }, select: asIs }
    case 'double':
      return { type: { kind: 'float', bits: 64 }, select: asIs }
    case 'date':
      return { type: { kind: 'date' }, select: asIs }
    case 'datetime':
      return { type: { kind: 'timestamp', utc: false }, select: asIs }
    case 'timestamp':
      return { type: { kind: 'timestamp', utc: true }, select: asIs }
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'enum':
    case 'set':
    case 'json':
      return { type: { kind: 'text' }, select: asIs }
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return { type: { kind: 'binary' }, select: asIs }
    case 'geometry':
    case 'point':
    case 'linestring':
    case 'polygon':
    case 'multipoint':
    case 'multilinestring':
    case 'multipolygon':
    case 'geometrycollection':
    case 'geomcollection':
      return { type: { kind: 'binary' }, select: name => `ST_AsBinary(${name})` }
    default:
      // TIME, MariaDB's UUID, INET4 and INET6, and what later versions add.
      return { type: { kind: 'text' }, select: asText }
  }
}

function describeDecimal({ columnType, precision, scale }: MysqlColumn): ReturnType<typeof describe> {
  if (precision === null || precision > DECIMAL_DIGITS) return { type: { kind: 'text' }, select: asText }
  const type: ColumnType = { kind: 'decimal', precision, scale: scale ?? 0 }
  const withoutZeroFill = (name: string) => `CAST(${name} AS DECIMAL(${type.precision},${type.scale}))`
  return { type, select: columnType.includes('zerofill') ? withoutZeroFill : asIs }
}
