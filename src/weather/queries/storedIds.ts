import type { Call } from '../../datasources/call.ts'
import type { Storage } from '../../datasources/storage.ts'
import { type BatchFile, versionOf } from '../files/batchFiles.ts'
import { readRowIds } from '../files/openBatchFile.ts'
import { NO_ROW_ID } from '../sink/batchCodec.ts'
import { boundedCache } from './boundedCache.ts'

/** The row ids in some files, from small to large windows of them. Rows without an id are left out. */
export interface StoredIds {
  /**
   * Tells each id from `start` to before `end`, in no order and as often as it is stored. Returns the smallest id from `end` on, or infinity: of the
   * files that were looked into, and otherwise what their metadata says.
   */
  within(start: number, end: number, tell: (rowId: number) => void, call?: Call): Promise<number>
  /** The smallest id there is, or infinity. */
  first(): number
  /** Paths of the files that have the id, as often as they have it. */
  pathsOf(rowId: number, call?: Call): Promise<string[]>
}

/** Decoded ids that are kept for the next window, of 8 bytes each: a few parts of each partition. */
const MOST_IDS = 2_000_000

interface Section {
  file: BatchFile
  index: number
  min: number
  max: number
}

export function storedIds(storage: Storage, files: readonly BatchFile[]): StoredIds {
  const cache = boundedCache<Float64Array>(MOST_IDS)
  const sections = files
    .flatMap(file =>
      file.parts.flatMap(({ rowIds: { minRowId: min, maxRowId: max } }, index): Section[] =>
        min === null || max === null ? [] : [{ file, index, min, max }],
      ),
    )
    .sort((a, b) => a.min - b.min)

  async function idsOf({ file, index }: Section, call?: Call): Promise<Float64Array> {
    const version = `${versionOf(file.status)} ${index}`
    const known = cache.get(version)
    if (known) return known
    const ids = await readRowIds(storage, file.status.path, file.parts[index]!, call)
    cache.set(version, ids, ids.length)
    return ids
  }

  return {
    first: () => sections[0]?.min ?? Number.POSITIVE_INFINITY,
    async within(start, end, tell, call) {
      let next = Number.POSITIVE_INFINITY
      for (const section of sections) {
        if (section.min >= end) return Math.min(next, section.min)
        if (section.max < start) continue
        for (const id of await idsOf(section, call)) {
          if (id >= end) next = Math.min(next, id)
          else if (id >= start && id !== NO_ROW_ID) tell(id)
        }
      }
      return next
    },
    async pathsOf(rowId, call) {
      const paths: string[] = []
      for (const section of sections) {
        if (section.min > rowId || section.max < rowId) continue
        for (const id of await idsOf(section, call)) if (id === rowId) paths.push(section.file.status.path)
      }
      return paths
    },
  }
}
