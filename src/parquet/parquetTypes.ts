import type { ColumnType, SourceColumn } from '../datasources/source.ts'
import { type Field, type Struct, TYPE } from './thrift.ts'

/** Type in parquet.thrift. */
export const PHYSICAL = { BOOLEAN: 0, INT32: 1, INT64: 2, FLOAT: 4, DOUBLE: 5, BYTES: 6, FIXED: 7 } as const
export type Physical = (typeof PHYSICAL)[keyof typeof PHYSICAL]

const REPETITION = { REQUIRED: 0, OPTIONAL: 1 } as const
const CONVERTED = { UTF8: 0, DECIMAL: 5, DATE: 6, TIMESTAMP_MICROS: 10, UINT_8: 11, INT_8: 15 } as const
const LOGICAL = { STRING: 1, DECIMAL: 5, DATE: 6, TIMESTAMP: 8, INTEGER: 10 } as const
const ELEMENT = {
  TYPE: 1,
  LENGTH: 2,
  REPETITION: 3,
  NAME: 4,
  CHILDREN: 5,
  CONVERTED: 6,
  SCALE: 7,
  PRECISION: 8,
  LOGICAL: 10,
} as const
const MOST_DIGITS_OF_INT32 = 9
const MOST_DIGITS_OF_INT64 = 18

export function physicalType(type: ColumnType): Physical {
  switch (type.kind) {
    case 'boolean':
      return PHYSICAL.BOOLEAN
    case 'integer':
      return type.bits === 64 ? PHYSICAL.INT64 : PHYSICAL.INT32
    case 'float':
      return type.bits === 64 ? PHYSICAL.DOUBLE : PHYSICAL.FLOAT
    case 'decimal':
      if (type.precision <= MOST_DIGITS_OF_INT32) return PHYSICAL.INT32
      return type.precision <= MOST_DIGITS_OF_INT64 ? PHYSICAL.INT64 : PHYSICAL.FIXED
    case 'date':
      return PHYSICAL.INT32
    case 'timestamp':
      return PHYSICAL.INT64
    case 'text':
    case 'binary':
      return PHYSICAL.BYTES
  }
}

/** Bytes of a two's complement that holds every decimal of so many digits. */
export function decimalBytes(precision: number): number {
  return Math.ceil((precision * Math.log2(10) + 1) / 8)
}

/** SchemaElements of a file with these columns, the root first. All values may be NULL. */
export function schemaElements(columns: readonly SourceColumn[]): Struct[] {
  const root: Struct = [bytes(ELEMENT.NAME, 'arrow_schema'), int(ELEMENT.CHILDREN, columns.length)]
  return [root, ...columns.map(schemaElement)]
}

function schemaElement({ name, type }: SourceColumn): Struct {
  const physical = physicalType(type)
  return [
    int(ELEMENT.TYPE, physical),
    ...(physical === PHYSICAL.FIXED && type.kind === 'decimal'
      ? [int(ELEMENT.LENGTH, decimalBytes(type.precision))]
      : []),
    int(ELEMENT.REPETITION, REPETITION.OPTIONAL),
    bytes(ELEMENT.NAME, name),
    ...annotations(type),
  ]
}

/** What the values mean, in the words of old readers and of new ones. */
function annotations(type: ColumnType): Field[] {
  switch (type.kind) {
    case 'integer': {
      const isPlain = type.signed && type.bits >= 32
      const converted = (type.signed ? CONVERTED.INT_8 : CONVERTED.UINT_8) + Math.log2(type.bits / 8)
      const width: Field = { id: 1, type: TYPE.BYTE, value: type.bits }
      return isPlain ? [] : annotated(converted, LOGICAL.INTEGER, [width, boolean(2, type.signed)])
    }
    case 'decimal': {
      const [scale, precision] = [type.scale, type.precision]
      return [
        int(ELEMENT.CONVERTED, CONVERTED.DECIMAL),
        int(ELEMENT.SCALE, scale),
        int(ELEMENT.PRECISION, precision),
        struct(ELEMENT.LOGICAL, [struct(LOGICAL.DECIMAL, [int(1, scale), int(2, precision)])]),
      ]
    }
    case 'date':
      return annotated(CONVERTED.DATE, LOGICAL.DATE, [])
    case 'timestamp': {
      const micros = struct(2, [struct(2, [])])
      return annotated(CONVERTED.TIMESTAMP_MICROS, LOGICAL.TIMESTAMP, [boolean(1, type.utc), micros])
    }
    case 'text':
      return annotated(CONVERTED.UTF8, LOGICAL.STRING, [])
    case 'float':
    case 'boolean':
    case 'binary':
      return []
  }
}

function annotated(converted: number, logical: number, value: Struct): Field[] {
  return [int(ELEMENT.CONVERTED, converted), struct(ELEMENT.LOGICAL, [struct(logical, value)])]
}

export function int(id: number, value: number): Field {
  return { id, type: TYPE.I32, value }
}

export function long(id: number, value: number): Field {
  return { id, type: TYPE.I64, value }
}

export function struct(id: number, value: Struct): Field {
  return { id, type: TYPE.STRUCT, value }
}

export function bytes(id: number, value: string | Uint8Array): Field {
  return { id, type: TYPE.BINARY, value: typeof value === 'string' ? Buffer.from(value) : value }
}

export function boolean(id: number, value: boolean): Field {
  return { id, type: value ? TYPE.TRUE : TYPE.FALSE, value }
}

export function list(id: number, elementType: number, values: readonly (Struct | number | Uint8Array)[]): Field {
  return { id, type: TYPE.LIST, value: { elementType, values } }
}
