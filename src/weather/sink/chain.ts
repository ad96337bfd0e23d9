import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import { type BatchRange, batchPath, DATA_FOLDER, parseBatchName, visibleSet } from '../files/names.ts'
import type { BatchCodec, BatchMeta, BatchMetaRead } from './batchCodec.ts'
import { type BatchStart, NO_TOTALS } from './openBatch.ts'

/** The files of a partition and what is wrong with them: the truth that everything else is made from. */
export interface Chain {
  /** Ascending, each batch once. */
  files: ChainFile[]
  /** Missing or damaged batches with later ones behind them. */
  gaps: Gap[]
  /** What the next batch is to be called and where it begins. */
  tail: Place
  /** Files in the way that others would take for the partition's: they must go before anything is written. */
  shadowing: Stray[]
  /** Damaged and foreign files that a repair has taken the place of already: only then may they go. */
  shadowed: Stray[]
  /** Batches that neither overlap nor follow on by their offsets: nothing that the sink does can make any. */
  warnings: string[]
}

export interface ChainFile extends BatchRange {
  status: FileStatus
  /** Undefined where no replica is alive now. */
  meta: BatchMeta | undefined
}

/** A name for batches that are to be written, and where they begin. */
export interface Place extends BatchRange {
  /** Undefined behind a file that cannot be read now. */
  start: BatchStart | undefined
}

export interface Gap extends Place {
  /** Where the next file begins; undefined where it cannot be read now. */
  endOffset: number | undefined
}

export interface Stray {
  status: FileStatus
  reason: string
}

export interface ChainReader {
  /**
   * Throws what Storage.list and Storage.read throw (NOT_FOUND where files go as fast as they are read), but for DATA_LOST, which makes a file one without `meta`. What a file says of itself is
   * remembered, so that only new files are read again.
   */
  read(call: Call): Promise<Chain>
}

/** Footers read at once. */
const AT_ONCE = 8
/** Files can be merged and swept faster than they are read, but not for ever. */
const MOST_LOOKS = 5

export function createChainReader(storage: Storage, codec: BatchCodec, partition: number): ChainReader {
  let known = new Map<string, BatchMetaRead>()
  /** Why files were found wrong, by version: they move away only when a repair is there. */
  const reasons = new Map<string, string>()

  /**
   * A file that is gone since the folder was read was merged into another one: the folder is read again. So it is where batches seem to be missing, as
   * a large folder is not read in one moment.
   */
  async function read(call: Call): Promise<Chain> {
    let before: Chain | undefined
    for (let looks = 1; ; looks += 1) {
      let chain: Chain
      try {
        chain = await readOnce(call)
      } catch (error) {
        if (hasCode(error, 'NOT_FOUND') && looks < MOST_LOOKS) continue
        throw error
      }
      const whole = chain.gaps.length === 0 && chain.shadowing.length === 0 && chain.warnings.length === 0
      if (whole || looks >= MOST_LOOKS || (before && sameFiles(before, chain))) return chain
      before = chain
    }
  }

  async function readOnce(call: Call): Promise<Chain> {
    const found = await listed(call)
    const seen = new Map<string, BatchMetaRead>()
    const wrong = new Map<string, Stray>()
    const good: ChainFile[] = []
    for (;;) {
      const { visible } = visibleSet(found.filter(({ status }) => !wrong.has(status.path)))
      good.length = 0
      const wrongBefore = wrong.size
      for (let start = 0; start < visible.length; start += AT_ONCE) {
        const some = visible.slice(start, start + AT_ONCE)
        const metas = await Promise.all(some.map(file => metaOf(file, seen, call)))
        for (const [index, file] of some.entries()) {
          const meta = metas[index]
          if (meta && 'problem' in meta) wrong.set(file.status.path, { status: file.status, reason: meta.problem })
          else good.push({ ...file, meta: meta?.meta })
        }
      }
      const orphan = orphanAmong(good)
      if (orphan) wrong.set(orphan.status.path, orphan)
      if (wrong.size === wrongBefore) break
    }
    known = seen
    for (const { status, reason } of wrong.values()) reasons.set(versionOf(status), reason)
    return judged(partition, found, good, [...wrong.values()], reasons)
  }

  async function listed(call: Call): Promise<FoundFile[]> {
    return (await storage.list(DATA_FOLDER, call)).flatMap(status => {
      const range = parseBatchName(nameOf(status.path))
      return range?.partition === partition ? [{ ...range, status }] : []
    })
  }

  async function metaOf(
    file: FoundFile,
    seen: Map<string, BatchMetaRead>,
    call: Call,
  ): Promise<BatchMetaRead | undefined> {
    const { status } = file
    const version = versionOf(status)
    let read = seen.get(version) ?? known.get(version)
    if (!read) {
      try {
        read = status.kind === 'file' ? await codec.readMeta(storage, status, call) : { problem: 'it is a folder' }
      } catch (error) {
        if (hasCode(error, 'DATA_LOST')) return undefined
        throw error
      }
      if ('meta' in read) read = asNamed(file, read.meta)
    }
    seen.set(version, read)
    return read
  }

  return { read }
}

interface FoundFile extends BatchRange {
  status: FileStatus
}

interface NamedFile extends BatchRange {
  status?: FileStatus
}

function pathsOf(files: readonly NamedFile[]): Set<string | undefined> {
  return new Set(files.map(({ status }) => status?.path))
}

function asNamed(range: BatchRange, meta: BatchMeta): BatchMetaRead {
  const { partition, firstBatch, lastBatch } = meta
  const same = partition === range.partition && firstBatch === range.firstBatch && lastBatch === range.lastBatch
  return same
    ? { meta }
    : { problem: `it says that it holds batches ${firstBatch} to ${lastBatch} of partition ${partition}` }
}

function versionOf({ path, fileId, length }: FileStatus): string {
  return `${path} ${fileId} ${length}`
}

function judged(
  partition: number,
  found: FoundFile[],
  good: ChainFile[],
  wrong: Stray[],
  reasons: ReadonlyMap<string, string>,
): Chain {
  const wrongFiles = found.filter(({ status }) => wrong.some(stray => stray.status === status))
  const gaps = visibleSet(good).holes.map(({ firstBatch, lastBatch }): Gap => {
    const behind = good.find(file => file.firstBatch === lastBatch + 1)
    const range = { partition, firstBatch, lastBatch }
    return { ...named(range, wrongFiles), start: startBehind(firstBatch, good), endOffset: behind?.meta?.firstOffset }
  })
  const firstBatch = (good.at(-1)?.lastBatch ?? -1) + 1
  const lastBatch = endOfRun(firstBatch, wrongFiles)
  const tail = { ...named({ partition, firstBatch, lastBatch }, wrongFiles), start: startBehind(firstBatch, good) }
  const now = pathsOf(visibleSet(found).visible)
  const later = pathsOf(visibleSet<NamedFile>([...found, ...gaps, tail]).visible)
  return {
    files: good,
    gaps,
    tail,
    shadowing: wrong.filter(({ status }) => later.has(status.path)),
    shadowed: [...wrong.filter(({ status }) => !now.has(status.path)), ...repaired(found, good, reasons)],
    warnings: good.flatMap((file, index) => notFollowing(good[index - 1], file)),
  }
}

/** Damaged files one after the other are made again as one, so that the batches behind them keep their numbers. */
function endOfRun(firstBatch: number, wrongFiles: readonly BatchRange[]): number {
  let end = firstBatch - 1
  for (;;) {
    const next = wrongFiles.filter(file => file.firstBatch === end + 1)
    if (next.length === 0) return Math.max(firstBatch, end)
    end = Math.max(...next.map(({ lastBatch }) => lastBatch))
  }
}

/** The name that takes the place of all files of the range. */
function named(range: BatchRange, files: readonly BatchRange[]): BatchRange {
  const same = files.filter(file => file.firstBatch === range.firstBatch && file.lastBatch === range.lastBatch)
  return same.length === 0 ? range : { ...range, repair: Math.max(...same.map(({ repair }) => repair ?? 0)) + 1 }
}

function startBehind(firstBatch: number, good: readonly ChainFile[]): BatchStart | undefined {
  if (firstBatch === 0) return { offset: 0, totals: NO_TOTALS }
  const meta = good.find(file => file.lastBatch === firstBatch - 1)?.meta
  return meta && { offset: meta.endOffset, totals: meta.totals }
}

function repaired(
  found: readonly FoundFile[],
  good: readonly ChainFile[],
  reasons: ReadonlyMap<string, string>,
): Stray[] {
  const repairs = new Map(good.flatMap(file => (file.repair ? [[file.firstBatch, file]] : [])))
  return found.flatMap(({ firstBatch, lastBatch, repair = 0, status }) => {
    const holder = repairs.get(firstBatch)
    if (holder?.lastBatch !== lastBatch || repair >= holder.repair!) return []
    return [{ status, reason: reasons.get(versionOf(status)) ?? 'it was damaged or foreign' }]
  })
}

/**
 * A batch that an earlier owner wrote late, behind one that was lost meanwhile and made again with another end. Its offsets alone could be wrong for
 * other reasons; with the epoch they tell which of the two is the one to go by.
 */
function orphanAmong(good: readonly ChainFile[]): Stray | undefined {
  const [before, last] = good.slice(-2)
  if (!before?.meta || !last?.meta || before.lastBatch + 1 !== last.firstBatch) return undefined
  if (last.meta.firstOffset === before.meta.endOffset || last.meta.epoch >= before.meta.epoch) return undefined
  return { status: last.status, reason: 'it was written behind a batch that is not there any more' }
}

function notFollowing(before: ChainFile | undefined, file: ChainFile): string[] {
  const follows = file.firstBatch === (before ? before.lastBatch + 1 : 0)
  const expected = before ? before.meta?.endOffset : 0
  if (!follows || !file.meta || expected === undefined || file.meta.firstOffset === expected) return []
  return [`${batchPath(file)} begins at offset ${file.meta.firstOffset}, but the batch before ended at ${expected}`]
}

function sameFiles(one: Chain, other: Chain): boolean {
  const shown = ({ files, shadowing }: Chain) =>
    [...files, ...shadowing].map(({ status }) => `${status.path} ${status.fileId}`).join('\n')
  return shown(one) === shown(other)
}

/** The error for a place behind a file that cannot be read now. */
export function unreadableBefore(place: Place): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `expected to read the file before batch ${place.firstBatch} of partition ${place.partition}, but no replica of it is alive`,
    { hint: 'Start the DataNodes that have it; the stream goes on by itself.' },
  )
}
