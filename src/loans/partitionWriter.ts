import pLimit from 'p-limit'
import type { Call } from '../datasources/call.ts'
import type { Publisher } from '../datasources/publish.ts'
import { publishHedged } from '../datasources/publishHedged.ts'
import type { FileStatus } from '../datasources/storage.ts'
import { type PartitionFile, partitionPath } from './partitionFile.ts'

/** Partitions on their way into the storage, also those that no answer waits for any more. */
export interface PartitionWriter {
  /**
   * Publishes a partition; the same one again while that is under way is one write. Errors are those of publish().
   * @param dataset The migration that the partition was made from.
   */
  write(partition: PartitionFile, dataset: string, call: Call): Promise<FileStatus>
  /** Resolves when the writes of these counties have ended, however; undefined where none is under way. */
  ended(counties: readonly number[]): Promise<unknown> | undefined
  /** What all writes under way hold in memory. */
  pendingBytes(): number
}

/** Many, because HDFS takes eight seconds and more over each write that it sends to a DataNode that hangs. */
const PARALLEL_WRITES = 16
/**
 * While a DataNode is known to hang. HDFS sends it one write of three, by way of a healthy DataNode of which a thread then waits for seconds, whether or not we
 * do; with two threads a core for all its requests, it soon answers no reader either.
 */
const PARALLEL_WRITES_WHILE_IMPAIRED = 3
/** A write to a healthy storage takes a tenth of a second; a second one is likely to miss the DataNode that the first one met. */
const HEDGE_MILLIS = 2_000
/** HDFS takes block lengths in steps of this, and at least one. */
const BLOCK_STEP_BYTES = 1 << 20

/** @param isImpaired As Storage has it. */
export function createPartitionWriter(publisher: Publisher, isImpaired: () => boolean): PartitionWriter {
  const limit = pLimit(PARALLEL_WRITES)
  const writes = new Set<{ county: number; dataset: string; bytes: number; written: Promise<FileStatus> }>()

  function adjustLimit(): void {
    limit.concurrency = isImpaired() ? PARALLEL_WRITES_WHILE_IMPAIRED : PARALLEL_WRITES
  }

  function publish({ county, parts, length }: PartitionFile, call: Call): Promise<FileStatus> {
    // One block: a partition is then wholly there or wholly lost.
    const blockBytes = Math.ceil(length / BLOCK_STEP_BYTES) * BLOCK_STEP_BYTES
    const layout = { replication: 1, blockBytes }
    return publishHedged(publisher, HEDGE_MILLIS, partitionPath(county), () => parts, layout, { length, call })
  }

  return {
    write(partition, dataset, call) {
      const { county, length: bytes } = partition
      for (const write of writes) if (write.county === county && write.dataset === dataset) return write.written
      adjustLimit()
      const written = limit(publish, partition, call).finally(() => {
        writes.delete(write)
        adjustLimit()
      })
      const write = { county, dataset, bytes, written }
      writes.add(write)
      return written
    },
    ended(counties) {
      const ofThese = [...writes].filter(({ county }) => counties.includes(county))
      return ofThese.length === 0 ? undefined : Promise.allSettled(ofThese.map(({ written }) => written))
    },
    pendingBytes: () => [...writes].reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
