import type { BatchRange } from '../files/names.ts'
import type { CompactionSettings } from './settings.ts'

/** A file that could be merged. */
export interface Candidate extends BatchRange {
  /** Bytes. */
  length: number
  /** Whether it goes on where the file before it ends; what lies between two files must never end up inside one. */
  follows: boolean
}

/** Merging up to so many bytes costs so little that it is done whatever comes of it. */
const CHEAP_BYTES = 1024 * 1024
/** A file is merged with newer ones only when together they are a share of it: one to so many. */
const GROWTH = 3

/**
 * The files to merge by themselves, ascending; none where it is not worth it yet. Always the newest ones, and of the older ones those
 * that are not much larger than all newer ones together: so each row is merged again only when its file grows by a third at least, which
 * is as often as the logarithm of all that there is; and each file that is left is three times as large as all newer ones.
 */
export function choose<File extends Candidate>(
  files: readonly File[],
  { minFiles, maxBytes }: Pick<CompactionSettings, 'minFiles' | 'maxBytes'>,
): File[] {
  let bytes = 0
  let start = files.length
  while (start > 0) {
    const { length } = files[start - 1]!
    if (length > Math.max(CHEAP_BYTES, GROWTH * bytes) || bytes + length > maxBytes) break
    bytes += length
    start--
    if (!files[start]!.follows) break
  }
  return files.length - start >= Math.max(2, minFiles) ? files.slice(start) : []
}

/** The first files that make one of at most `maxBytes`, ascending; none where all are as large as they can be. */
export function chooseAny<File extends Candidate>(
  files: readonly File[],
  { maxBytes }: Pick<CompactionSettings, 'maxBytes'>,
): File[] {
  let run: File[] = []
  let bytes = 0
  for (const file of files) {
    if (run.length > 0 && (!file.follows || bytes + file.length > maxBytes)) {
      if (run.length > 1) return run
      run = []
      bytes = 0
    }
    run.push(file)
    bytes += file.length
  }
  return run.length > 1 ? run : []
}
