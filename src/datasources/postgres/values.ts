import type { ColumnType, Row, SourceColumn } from '../source.ts'

/** The PostgreSQL type that holds all values of a column. */
export function postgresTypeName(type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
      return integerName(type.signed ? type.bits : type.bits * 2)
    case 'decimal':
      return `NUMERIC(${type.precision},${type.scale})`
    case 'float':
      return type.bits === 32 ? 'REAL' : 'DOUBLE PRECISION'
    case 'boolean':
      return 'BOOLEAN'
    case 'date':
      return 'DATE'
    case 'timestamp':
      return type.utc ? 'TIMESTAMP WITH TIME ZONE' : 'TIMESTAMP WITHOUT TIME ZONE'
    case 'text':
      return 'TEXT'
    case 'binary':
      return 'BYTEA'
  }
}

/** Signed bits; an unsigned number needs the next size, the largest a decimal. */
function integerName(bits: number): string {
  if (bits <= 16) return 'SMALLINT'
  if (bits <= 32) return 'INTEGER'
  return bits <= 64 ? 'BIGINT' : 'NUMERIC(20,0)'
}

/** A column as information_schema.columns has it. */
export interface PostgresColumn {
  dataType: string
  precision: number | null
  scale: number | null
}

/** Text is what ColumnType has no word for, as PostgreSQL writes it. */
export function describePostgresType({ dataType, precision, scale }: PostgresColumn): ColumnType {
  switch (dataType) {
    case 'smallint':
      return { kind: 'integer', bits: 16, signed: true }
    case 'integer':
      return { kind: 'integer', bits: 32, signed: true }
    case 'bigint':
      return { kind: 'integer', bits: 64, signed: true }
    case 'numeric':
      return precision === null || precision > 38 ? { kind: 'text' } : { kind: 'decimal', precision, scale: scale ?? 0 }
    case 'real':
      return { kind: 'float', bits: 32 }
    case 'double precision':
      return { kind: 'float', bits: 64 }
    case 'boolean':
      return { kind: 'boolean' }
    case 'date':
      return { kind: 'date' }
    case 'timestamp without time zone':
      return { kind: 'timestamp', utc: false }
    case 'timestamp with time zone':
      return { kind: 'timestamp', utc: true }
    case 'bytea':
      return { kind: 'binary' }
    default:
      return { kind: 'text' }
  }
}

/** A row of texts as Row promises its values. */
export function readPostgresRow(columns: readonly SourceColumn[], row: Row): Row {
  return columns.map(({ type }, index) => {
    const text = row[index] as string | null
    return text === null ? null : readValue(type, text)
  })
}

function readValue(type: ColumnType, text: string): unknown {
  switch (type.kind) {
    case 'integer': {
      const number = Number(text)
      return Number.isSafeInteger(number) ? number : BigInt(text)
    }
    case 'float':
      return type.bits === 32 ? Math.fround(Number(text)) : Number(text)
    case 'boolean':
      return text === 't'
    case 'timestamp':
      return type.utc ? text.replace(/\+00$/, '') : text
    case 'binary':
      return Buffer.from(text.slice(2), 'hex')
    default:
      return text
  }
}
