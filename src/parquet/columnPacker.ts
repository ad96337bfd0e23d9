import type { Row } from '../datasources/source.ts'
import { WIRE_ROWS, type WireRows } from '../datasources/wireRows.ts'

/**
 * Packs one column, in the order in which the rows arrive; they are put in the order of their keys by the thread that encodes them. This is the hot
 * loop of a migration (40 million values for the sample), so its loops are each of one type.
 */
export interface ColumnPacker {
  /** Appends column `column` of at most PACKED_ROWS `rows`. */
  pack(rows: readonly Row[], column: number): void
  /** Likewise, of at most WIRE_ROWS rows. */
  packWire(rows: WireRows, column: number): void
  /** Bytes held now, about, beside the distinct words of text. */
  bytes(): number
  /** What was packed since the last take(). */
  take(): PackedColumn
  /** Dates and instants that no calendar has, stored as NULL. */
  impossible(): number
}

/** The most rows that are packed at a stretch. */
export const PACKED_ROWS = WIRE_ROWS

/** A column ready to be encoded; all parts can be transferred to another thread. */
export interface PackedColumn {
  rows: number
  nulls: number
  /** One bit a row, 1 where there is none. */
  isNull?: Uint8Array
  /**
   * Values of the type's own width, NULLs among them as anything; or, where `compact`, whole numbers in fewer bytes: those of a numeric
   * column, or places in `dictionary`. Text and binary without a dictionary: each value that is not NULL after its length in 4 bytes.
   */
  values: Uint8Array
  /** Bytes of each of the signed whole numbers in `values`. */
  compact?: 1 | 2 | 4
  /** Text: words, each after its length in 4 bytes; some may not be in use. */
  dictionary?: { values: Uint8Array; count: number }
}
