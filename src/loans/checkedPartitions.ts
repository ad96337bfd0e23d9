import { createHash } from 'node:crypto'
import type { Call } from '../datasources/call.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import type { Total } from './amounts.ts'
import { type LoansFile, versionOf } from './loansFile.ts'
import { type PartitionFile, readPartition, tailOf } from './partitionFile.ts'

/** Totals from partition files. What a file holds is remembered, but its bytes are read each time: they may be lost meanwhile. */
export interface CheckedPartitions {
  /** Throws DATA_LOST where the file is unreadable, not whole, or of another dataset. */
  totalOf(county: number, main: LoansFile, status: FileStatus, call: Call): Promise<Total>
  /** Notes what was just written, so that its first reader need not check it all. */
  written(made: PartitionFile, status: FileStatus, dataset: string, total: Total): void
}

/** A partition of which every byte was checked: until the file changes, its tail is all that is read, and decoded only if it differs. */
interface Checked {
  version: string
  dataset: string
  tailOffset: number
  /** SHA-256 of the bytes from the tail to the end. */
  tailDigest: string
  total: Total
}

export function checkedPartitions(storage: Storage): CheckedPartitions {
  const checked = new Map<string, Checked>()

  function lastCheck({ path }: FileStatus, version: string, dataset: string): Checked | undefined {
    const last = checked.get(path)
    return last?.version === version && last.dataset === dataset ? last : undefined
  }

  return {
    async totalOf(county, { dataset }, status, call) {
      const { path, length, blockBytes } = status
      const version = versionOf(status)
      const last = lastCheck(status, version, dataset)
      // A file of several blocks may have lost any of them: only reading them all shows that it is whole.
      const offset = last && length <= blockBytes ? last.tailOffset : 0
      const bytes = await storage.read(path, { offset, length: length - offset }, call)
      if (last && offset > 0 && digestOf(bytes) === last.tailDigest) return last.total
      const { total, tailOffset } = await readPartition({ length, part: { offset, bytes } }, { county, dataset })
      checked.set(path, {
        version,
        dataset,
        tailOffset,
        tailDigest: digestOf(bytes.subarray(tailOffset - offset)),
        total,
      })
      return total
    },
    written(made, status, dataset, total) {
      const { tailOffset } = made
      const tailDigest = digestOf(tailOf(made).bytes)
      checked.set(status.path, { version: versionOf(status), dataset, tailOffset, tailDigest, total })
    },
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
