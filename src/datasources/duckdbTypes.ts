import type { DescribedColumn } from './rowQuery.ts'
import type { ColumnType } from './source.ts'

/** A row of duckdb_columns(). */
export interface DuckdbColumn {
  name: string
  /** For example "DECIMAL(10,2)". */
  dataType: string
}

const asIs = (column: string) => column
const asText = (column: string) => `CAST(${column} AS VARCHAR)`

const INTEGERS: Readonly<Record<string, ColumnType & { kind: 'integer' }>> = {
  TINYINT: { kind: 'integer', bits: 8, signed: true },
  SMALLINT: { kind: 'integer', bits: 16, signed: true },
  INTEGER: { kind: 'integer', bits: 32, signed: true },
  BIGINT: { kind: 'integer', bits: 64, signed: true },
  UTINYINT: { kind: 'integer', bits: 8, signed: false },
  USMALLINT: { kind: 'integer', bits: 16, signed: false },
  UINTEGER: { kind: 'integer', bits: 32, signed: false },
  UBIGINT: { kind: 'integer', bits: 64, signed: false },
}

/** The DuckDB type that holds all values of a column. */
export function duckdbTypeName(type: ColumnType): string {
  switch (type.kind) {
    case 'integer': {
      const found = Object.entries(INTEGERS).find(
        ([, { bits, signed }]) => bits === type.bits && signed === type.signed,
      )
      return found![0]
    }
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`
    case 'float':
      return type.bits === 32 ? 'FLOAT' : 'DOUBLE'
    case 'boolean':
      return 'BOOLEAN'
    case 'date':
      return 'DATE'
    case 'timestamp':
      return type.utc ? 'TIMESTAMP WITH TIME ZONE' : 'TIMESTAMP'
    case 'text':
      return 'VARCHAR'
    case 'binary':
      return 'BLOB'
  }
}

/** A text in DuckDB's SQL, whatever characters it has. */
export function quoteDuckdbText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** A name in DuckDB's SQL, whatever characters it has. */
export function quoteDuckdbName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Which ColumnType a column is, and the SQL that delivers it so.
 *
 * Text is what DuckDB prints for all that ColumnType has no word for: HUGEINT (39 digits), TIMESTAMP_NS (nine digits after
 * the second), TIME, INTERVAL, UUID, BIT, ENUM, JSON, lists, structs, maps. Dates and timestamps that no calendar
 * has ("infinity", years BC) arrive as DuckDB prints them, as MySQL's zero dates do.
 */
export function describeDuckdbColumn({ name, dataType }: DuckdbColumn): DescribedColumn {
  const integer = INTEGERS[dataType]
  if (integer) return { name, type: integer, select: asIs }
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(dataType)
  if (decimal) {
    return { name, type: { kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) }, select: asText }
  }
  switch (dataType) {
    case 'FLOAT':
      return { name, type: { kind: 'float', bits: 32 }, select: asIs }
    case 'DOUBLE':
      return { name, type: { kind: 'float', bits: 64 }, select: asIs }
    case 'BOOLEAN':
      return { name, type: { kind: 'boolean' }, select: asIs }
    case 'DATE':
      return { name, type: { kind: 'date' }, select: asText }
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
      return { name, type: { kind: 'timestamp', utc: false }, select: asText }
    case 'TIMESTAMP WITH TIME ZONE':
      return { name, type: { kind: 'timestamp', utc: true }, select: column => asText(`${column} AT TIME ZONE 'UTC'`) }
    case 'BLOB':
      return { name, type: { kind: 'binary' }, select: asIs }
    case 'VARCHAR':
      return { name, type: { kind: 'text' }, select: asIs }
    default:
      return { name, type: { kind: 'text' }, select: asText }
  }
}
