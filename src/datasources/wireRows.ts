import type { Row } from './source.ts'

/**
 * Rows in the bytes in which a database sent them, with the place of each value: for readers that take a column at a time, and make no object of a value.
 * They are the rows that Source.rows() gives otherwise. Valid until the next ones are asked for.
 */
export interface WireRows {
  readonly rows: number
  /** As what the values of each column are written. */
  readonly formats: readonly WireFormat[]
  readonly bytes: Buffer
  /** Of the same bytes. */
  readonly view: DataView
  /** Where the value of a row begins in `bytes`, at [column * stride + row]; -1 for NULL. */
  readonly starts: Int32Array
  /** Bytes of each text and binary value, at the same places. */
  readonly lengths: Int32Array
  readonly stride: number
  /** A value as it is in a Row. */
  value(row: number, column: number): unknown
}

/** Numbers are in two's complement or IEEE 754, the lowest byte first; text in UTF-8; `other` has its own way, which value() knows. */
export type WireFormat = `${'int' | 'uint'}${8 | 16 | 32 | 64}` | 'float32' | 'float64' | 'bytes' | 'other'

/** The most rows that come at once. */
export const WIRE_ROWS = 512

export function isWire(rows: readonly Row[] | WireRows): rows is WireRows {
  return 'view' in rows
}

/** Rows of either kind, value by value. */
export function valuesOf(rows: readonly Row[] | WireRows): {
  count: number
  at: (row: number, column: number) => unknown
} {
  return isWire(rows)
    ? { count: rows.rows, at: (row, column) => rows.value(row, column) }
    : { count: rows.length, at: (row, column) => rows[row]![column] }
}
