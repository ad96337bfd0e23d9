import type { SqlValues } from '../engine.ts'
import type { ColumnType, SourceColumn } from '../source.ts'
import type { SparkDataType, SparkLiteral } from './wire.ts'

export interface SparkColumn extends SourceColumn {
  /** Arrives as text only when it is cast. */
  asText: boolean
}

/** The Spark SQL type that holds all values of a column. */
export function sparkTypeName(type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
      return integerName(type.signed ? type.bits : type.bits * 2)
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`
    case 'float':
      return type.bits === 32 ? 'FLOAT' : 'DOUBLE'
    case 'boolean':
      return 'BOOLEAN'
    case 'date':
      return 'DATE'
    case 'timestamp':
      return type.utc ? 'TIMESTAMP_LTZ' : 'TIMESTAMP_NTZ'
    case 'text':
      return 'STRING'
    case 'binary':
      return 'BINARY'
  }
}

/** Signed bits; an unsigned number needs the next size, the largest a decimal. */
function integerName(bits: number): string {
  const names: Record<number, string> = { 8: 'TINYINT', 16: 'SMALLINT', 32: 'INT', 64: 'BIGINT' }
  return names[bits] ?? 'DECIMAL(20,0)'
}

/** Undefined for what ColumnType has no word for: intervals, arrays, maps, structs, variants and what later versions add. */
export function columnTypeOf({ kind, decimal }: SparkDataType): ColumnType | undefined {
  switch (kind) {
    case 'byte':
      return { kind: 'integer', bits: 8, signed: true }
    case 'short':
      return { kind: 'integer', bits: 16, signed: true }
    case 'integer':
      return { kind: 'integer', bits: 32, signed: true }
    case 'long':
      return { kind: 'integer', bits: 64, signed: true }
    case 'decimal':
      return { kind: 'decimal', precision: decimal?.precision ?? 10, scale: decimal?.scale ?? 0 }
    case 'float':
      return { kind: 'float', bits: 32 }
    case 'double':
      return { kind: 'float', bits: 64 }
    case 'boolean':
      return { kind: 'boolean' }
    case 'date':
      return { kind: 'date' }
    case 'timestamp':
      return { kind: 'timestamp', utc: true }
    case 'timestampNtz':
      return { kind: 'timestamp', utc: false }
    case 'string':
    case 'char':
    case 'varChar':
      return { kind: 'text' }
    case 'binary':
      return { kind: 'binary' }
    default:
      return undefined
  }
}

/** For CREATE TABLE and schemas of files. */
export function sparkDefinitions(columns: readonly SourceColumn[]): string {
  return columns.map(({ name, type }) => `${quoteSparkName(name)} ${sparkTypeName(type)}`).join(', ')
}

/** A name in Spark's SQL, whatever characters it has. */
export function quoteSparkName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** The values that the SQL names, as Spark takes them. */
export function sparkLiterals(
  names: ReadonlySet<string>,
  values: SqlValues,
): Record<string, { literal: SparkLiteral }> {
  return Object.fromEntries(Array.from(names, name => [name, { literal: literalOf(values[name]!) }]))
}

function literalOf(value: SqlValues[string]): SparkLiteral {
  if (value === null) return { null: { null: {} } }
  if (typeof value === 'boolean') return { boolean: value }
  if (typeof value === 'string') return { string: value }
  if (typeof value === 'bigint') return { long: String(value) }
  return Number.isSafeInteger(value) ? { long: value } : { double: value }
}
