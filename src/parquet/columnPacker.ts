import type { Row } from '../datasources/source.ts'

/** Rows that a stage holds at most: a hundred columns of so many values stay in the processor's cache. */
export const STAGE_ROWS = 4_096

/**
 * Packs one column, in two steps. Rows are staged in the order in which they arrive; when the stages of all columns are full, the
 * values are dealt out to the buffers of their keys. Rows that arrive together belong to many keys, whose buffers lie far
 * apart in memory: writing each value there at once takes three times as long. This is the hot loop of a migration (40
 * million values for the sample), so its loops are each of one type.
 */
export interface ColumnPacker {
  /** Appends column `column` of `rows` to the stage, which has room for STAGE_ROWS. */
  stage(rows: readonly Row[], column: number): void
  /** Bytes that the staged values hold beside the stage's own, about. */
  stagedBytes(): number
  /** Empties the stage. */
  clear(): void
  /** An empty buffer that is filled from this stage. */
  buffer(): ColumnBuffer
  /** Dates and instants that no calendar has, stored as NULL. */
  impossible(): number
}

/** Packed values of one column for one key. */
export interface ColumnBuffer {
  /** Appends the staged values at `order[from]` to `order[to - 1]`. */
  append(order: Int32Array, from: number, to: number): void
  /** Bytes held now, about. */
  bytes(): number
  /** What was appended. The buffer is of no use afterwards. */
  take(): PackedColumn
}

/** A column ready to become an Arrow vector; all parts can be transferred to another thread. */
export interface PackedColumn {
  rows: number
  nulls: number
  /** One bit a row, 1 where there is a value; absent where all have one. */
  validity?: Uint8Array
  /**
   * Values of the type's own width, NULLs among them as anything; or, where `compact`, whole numbers in fewer bytes: those of a numeric
   * column, or ids into `dictionary`. Text and binary without a dictionary: each value that is not NULL after its length in 4 bytes.
   */
  values: Uint8Array
  /** Bytes of each of the signed whole numbers in `values`. */
  compact?: 1 | 2 | 4
  /** Text: the distinct values, each after its length in 4 bytes. All are in use. */
  dictionary?: { values: Uint8Array; count: number }
}
