import type { Clock } from '../datasources/clock.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { nameOf } from '../datasources/storagePath.ts'
import { createBroadcast } from '../jobs/broadcast.ts'
import { type BatchRange, DATA_FOLDER, parseBatchName } from './files/names.ts'

/** A file that has become visible. */
export interface NewFile extends BatchRange {
  status: FileStatus
}

export interface NewFiles {
  /** Files from now on, those of a partition in order; a slow reader misses the oldest. return() frees it. */
  watch(): AsyncIterableIterator<NewFile>
}

/** Unread files that each reader has at most. */
const KEPT = 256
const POLL_MILLIS = 500

/** Lists the folder now and then while somebody watches, so that it sees the files of every process. */
export function newFiles(storage: Storage, { clock }: { clock: Clock }): NewFiles {
  const broadcast = createBroadcast<NewFile>({ keep: KEPT })
  let looking = false

  async function look(): Promise<void> {
    looking = true
    /** For each partition, the batch that is new next; undefined until the folder was seen once. */
    let next: Map<number, number> | undefined
    while (broadcast.readers > 0) {
      const files = await list(storage)
      if (files !== undefined) {
        if (next !== undefined) for (const file of since(next, files)) broadcast.publish(file)
        next = nextBatches(files)
      }
      await clock.pause(POLL_MILLIS)
    }
    looking = false
  }

  return {
    watch() {
      const reader = broadcast.read()
      if (!looking) void look()
      return reader
    },
  }
}

/** Undefined where the storage does not answer now: those who watch go on waiting. */
async function list(storage: Storage): Promise<NewFile[] | undefined> {
  try {
    const entries = await storage.list(DATA_FOLDER)
    return entries.flatMap(status => {
      const range = status.kind === 'file' ? parseBatchName(nameOf(status.path)) : undefined
      return range ? [{ ...range, status }] : []
    })
  } catch {
    return undefined
  }
}

function nextBatches(files: readonly NewFile[]): Map<number, number> {
  const next = new Map<number, number>()
  for (const { partition, lastBatch } of files) {
    next.set(partition, Math.max(next.get(partition) ?? 0, lastBatch + 1))
  }
  return next
}

/**
 * Each batch once: a file as the sink wrote it, or where a merge was so quick that it is gone already, the merged one. A merged file that
 * also holds batches that were told before is left out.
 */
function since(next: ReadonlyMap<number, number>, files: readonly NewFile[]): NewFile[] {
  const behind = new Map(next)
  return files
    .toSorted(
      (a, b) =>
        a.partition - b.partition ||
        a.firstBatch - b.firstBatch ||
        a.lastBatch - b.lastBatch ||
        (b.repair ?? 0) - (a.repair ?? 0),
    )
    .filter(({ partition, firstBatch, lastBatch }) => {
      if (firstBatch < (behind.get(partition) ?? 0)) return false
      behind.set(partition, lastBatch + 1)
      return true
    })
}
