import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'

/** The rows of one batch as columns of equal length, in the order of the log. There can be none. */
export interface BatchRows {
  stationIds: string[]
  /** YYYY-MM-DD. */
  dates: string[]
  degrees: number[]
  /** NO_ROW_ID for a row of a producer that gives none. */
  rowIds: number[]
}

/** Row ids of the source begin at 1. */
export const NO_ROW_ID = 0

/** Offsets of the log from `from` to before `to`. */
export interface OffsetSpan {
  from: number
  to: number
}

/** What a file says of itself, in its key-value metadata. Batches and offsets of a partition have no gaps and no overlaps. */
export interface BatchMeta {
  version: 1
  partition: number
  firstBatch: number
  /** Inclusive; as firstBatch but in a merged file. */
  lastBatch: number
  /** Where the batch before ended. */
  firstOffset: number
  /** Where the next batch begins: every record before it is in this file or an earlier one, or was counted in them. */
  endOffset: number
  rows: number
  /** Null where no row has an id. */
  minRowId: number | null
  maxRowId: number | null
  /** Records that were left out because their row was stored before: resent by a producer that was not sure. */
  doubles: number
  /** Records that could not be decoded and are kept in /dead-letters. */
  deadLetters: number
  /** Offsets that the log had dropped before they were read; whatever they held is not in the files. Mostly none. */
  lost: OffsetSpan[]
  /** All of the partition up to the end of this file. */
  totals: BatchTotals
  /** Of the owner that wrote it. */
  epoch: number
  /** ISO 8601, UTC. */
  writtenAt: string
}

export interface BatchTotals {
  rows: number
  doubles: number
  deadLetters: number
  lostRecords: number
  /** Rows with this id or a smaller one were stored: what comes again is a double. Null where no row had an id yet. */
  maxRowId: number | null
}

/** A batch as a file; Parquet, but for tests of the protocol alone. */
export interface BatchCodec {
  /**
   * The whole file, whose bytes depend on nothing but the arguments. The sink compares what it reads back with these bytes before
   * it publishes them, so they stay in memory until then. Leaves `rows` as they are: after a failure it is called again.
   */
  encode(rows: BatchRows, meta: BatchMeta): Promise<Uint8Array[]>

  /**
   * What a file says of itself, from the end of it: one or two range reads. Throws only what Storage.read throws, so that a storage that
   * cannot be read now is never taken for a file that is wrong.
   */
  readMeta(storage: Storage, file: FileStatus, call?: Call): Promise<BatchMetaRead>
}

/** `problem` says in half a sentence what is wrong with the bytes: "it ends without a footer", "it has no batch metadata". */
export type BatchMetaRead = { meta: BatchMeta } | { problem: string }
