import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import type { BatchCodec, BatchMeta } from '../sink/batchCodec.ts'

/** How several batch files become one; Parquet, but for tests of the protocol alone. */
export interface MergeCodec extends BatchCodec {
  /** @param files In the order of their batches. */
  merge(storage: Storage, files: readonly FileStatus[], meta: BatchMeta, call: Call): MergedFile
}

export interface MergedFile {
  /** The file's bytes, piece by piece; from the start each time it is called. Throws what reading the files throws. */
  content(): AsyncIterable<Uint8Array>
  /** Reads a copy of what content() gave last, and throws DATA_LOST where it is not that, or does not hold the rows of the files. */
  check(copy: FileStatus): Promise<void>
}

/** What the merged file says of itself. */
export function mergedMeta(metas: readonly BatchMeta[]): BatchMeta {
  const [first, last] = [metas[0]!, metas.at(-1)!]
  const sum = (of: (meta: BatchMeta) => number) => metas.reduce((total, meta) => total + of(meta), 0)
  const ids = metas.flatMap(({ minRowId, maxRowId }) =>
    minRowId === null || maxRowId === null ? [] : [minRowId, maxRowId],
  )
  return {
    version: 1,
    partition: first.partition,
    firstBatch: first.firstBatch,
    lastBatch: last.lastBatch,
    firstOffset: first.firstOffset,
    endOffset: last.endOffset,
    rows: sum(({ rows }) => rows),
    minRowId: ids.reduce<number | null>((min, id) => (min === null || id < min ? id : min), null),
    maxRowId: ids.reduce<number | null>((max, id) => (max === null || id > max ? id : max), null),
    doubles: sum(({ doubles }) => doubles),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    lost: metas.flatMap(({ lost }) => lost),
    totals: last.totals,
    epoch: last.epoch,
    // The rows are as old as they were: when they were copied is nobody's business.
    writtenAt: last.writtenAt,
  }
}
