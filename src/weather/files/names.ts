import { MillraceError } from '../../errors.ts'

/** Where the Parquet files of all partitions lie. */
export const DATA_FOLDER = '/data'

/** The batches of one partition that one file holds; first and last are the same for a file as the sink wrote it. */
export interface BatchRange {
  partition: number
  firstBatch: number
  /** Inclusive. */
  lastBatch: number
  /** 1, 2, ... for a file that takes the place of a damaged or foreign one of the same batches. */
  repair?: number
}

/** "/data/partition-2-batch-7.parquet", or "/data/partition-2-batch-3-to-7.parquet" for a merged file; a repair ends with "-repair-1". */
export function batchPath({ partition, firstBatch, lastBatch, repair = 0 }: BatchRange): string {
  const batches = firstBatch === lastBatch ? `${firstBatch}` : `${firstBatch}-to-${lastBatch}`
  return `${DATA_FOLDER}/partition-${partition}-batch-${batches}${repair > 0 ? `-repair-${repair}` : ''}.parquet`
}

const NUMBER = '0|[1-9][0-9]{0,14}'
const NAME = new RegExp(
  `^partition-(${NUMBER})-batch-(${NUMBER})(?:-to-(${NUMBER}))?(?:-repair-([1-9][0-9]{0,2}))?\\.parquet$`,
)

/** Undefined for a name that batchPath would not give. */
export function parseBatchName(name: string): BatchRange | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const [partition, firstBatch] = [Number(match[1]), Number(match[2])]
  const repair = match[4] === undefined ? {} : { repair: Number(match[4]) }
  if (match[3] === undefined) return { partition, firstBatch, lastBatch: firstBatch, ...repair }
  const lastBatch = Number(match[3])
  return lastBatch > firstBatch ? { partition, firstBatch, lastBatch, ...repair } : undefined
}

/** What the names of one partition's files say. */
export interface VisibleSet<File> {
  /** The files to read, ascending: together they hold each batch once, but for the holes. */
  visible: File[]
  /** Files whose batches are all in a visible merged file: nobody needs them any more. */
  replaced: File[]
  /** Batches that no visible file holds although there are later ones. */
  holes: { firstBatch: number; lastBatch: number }[]
  /** Behind all that is there, visible or not. */
  nextBatch: number
}

/**
 * Which files of one partition hold its batches, from the names alone. Of the chains that begin at batch 0 and go on without a gap or an
 * overlap, the one that reaches furthest; of several, the one whose first different file is the largest. So a merged file takes the place
 * of what it was merged from at the moment it appears, and a file that reappears inside its range changes nothing. Merged files that
 * overlap lose nothing as long as one chain is whole. Of several files of the same batches the last repair counts.
 */
export function visibleSet<File extends BatchRange>(files: readonly File[]): VisibleSet<File> {
  const next = furthestFrom(files)
  const starts = [...next.keys()].sort((a, b) => a - b)
  const nextBatch = files.reduce((end, { lastBatch }) => Math.max(end, lastBatch + 1), 0)
  const visible: File[] = []
  const holes: VisibleSet<File>['holes'] = []
  let at = 0
  let start = 0
  while (at < nextBatch) {
    const file = next.get(at)
    if (file) {
      visible.push(file)
      at = file.lastBatch + 1
      continue
    }
    while (start < starts.length && starts[start]! < at) start++
    const resumed = starts[start] ?? nextBatch
    holes.push({ firstBatch: at, lastBatch: resumed - 1 })
    at = resumed
  }
  return { visible, replaced: replacedBy(visible, files), holes, nextBatch }
}

/** For each batch that a file begins with, the file to take there. */
function furthestFrom<File extends BatchRange>(files: readonly File[]): Map<number, File> {
  const next = new Map<number, File>()
  const reach = new Map<number, number>()
  const reachOf = ({ lastBatch }: File) => reach.get(lastBatch + 1) ?? lastBatch + 1
  for (const file of files.toSorted((a, b) => b.firstBatch - a.firstBatch)) {
    const other = next.get(file.firstBatch)
    if (other) {
      const further = reachOf(file) - reachOf(other)
      const longer = file.lastBatch - other.lastBatch
      const later = (file.repair ?? 0) - (other.repair ?? 0)
      if ((further || longer || later) <= 0) continue
    }
    next.set(file.firstBatch, file)
    reach.set(file.firstBatch, reachOf(file))
  }
  return next
}

function replacedBy<File extends BatchRange>(visible: readonly File[], files: readonly File[]): File[] {
  const chosen = new Set(visible)
  let at = 0
  return files
    .filter(file => !chosen.has(file))
    .sort((a, b) => a.firstBatch - b.firstBatch || a.lastBatch - b.lastBatch)
    .filter(({ firstBatch, lastBatch }) => {
      while (at < visible.length && visible[at]!.lastBatch < firstBatch) at++
      const holder = visible[at]
      return holder !== undefined && holder.firstBatch <= firstBatch && lastBatch <= holder.lastBatch
    })
}

/** The set as it is, or DATA_LOST where it has a hole. */
export function withoutHoles<Set extends Pick<VisibleSet<unknown>, 'holes'>>(partition: number, set: Set): Set {
  const [hole] = set.holes
  if (!hole) return set
  throw new MillraceError(
    'DATA_LOST',
    `Partition ${partition} has no file in ${DATA_FOLDER} that holds ${batchesInWords(hole)}, although there are later ones.`,
    { hint: 'Put the file back; or start the stream, which writes it again while the log still has its records.' },
  )
}

/** "batch 3", "batches 3 to 5" */
export function batchesInWords({ firstBatch, lastBatch }: Omit<BatchRange, 'partition'>): string {
  return firstBatch === lastBatch ? `batch ${firstBatch}` : `batches ${firstBatch} to ${lastBatch}`
}
