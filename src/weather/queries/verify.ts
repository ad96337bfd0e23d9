import type { Call } from '../../datasources/call.ts'
import type { Storage } from '../../datasources/storage.ts'
import { hasCode } from '../../errors.ts'
import { type BatchFile, type BatchFiles, type PartitionFiles, wholeOf } from '../files/batchFiles.ts'
import type { WeatherVerification } from '../weather.ts'
import { type StoredIds, storedIds } from './storedIds.ts'

/** The ids of the rows that must be in the files. */
export interface SourceRowIds {
  /** The largest now; 0 where there is none. */
  last(call?: Call): Promise<number>
  /** All, ascending, in batches; also those that came since. */
  all(call?: Call): AsyncIterable<ArrayLike<number>>
}

export interface VerifyOptions {
  storage: Storage
  files: BatchFiles
  source: SourceRowIds
  /** Records that wait in the log, for the words about a row that is in no file. */
  waiting: (call?: Call) => Promise<number>
}

/** What was found, with more than is shown to everybody. */
export interface Verification extends WeatherVerification {
  /** Stored rows of a producer that gives them no id: nothing can be proved about them, so they count as doubled. */
  withoutId: number
  /** Records that were kept aside because they are no rows. */
  deadLetters: number
  /** Records that the log had dropped before they were read. */
  lostRecords: number
}

/**
 * Compares the ids of the source's rows with those stored, each as often as it is there. Rows that come to the source meanwhile need not be in the files
 * yet. Reads each once, in windows of ids: what it holds in memory does not grow with the number of rows.
 */
export async function verifyWeather(
  { storage, files, source, waiting }: VerifyOptions,
  call?: Call,
): Promise<Verification> {
  // Before the files are looked at: what came later may be in them, but need not be.
  const last = await source.last(call)
  return await files.reading(async partitions => {
    const visible = partitions.flatMap(set => set.visible)
    const stored = storedIds(storage, visible)
    const counts = await compare(stored, source, last, call)
    const totals = partitions.map(set => set.visible.at(-1)?.meta.totals)
    const sum = (of: (one: NonNullable<(typeof totals)[number]>) => number) =>
      totals.reduce((total, one) => total + (one ? of(one) : 0), 0)
    const storedRows = visible.reduce((rows, { meta }) => rows + meta.rows, 0)
    const withoutId = storedRows - counts.storedIds
    const result = {
      sourceRows: counts.sourceRows,
      storedRows,
      missing: counts.missing,
      duplicated: counts.duplicated + withoutId,
      withoutId,
      deadLetters: sum(one => one.deadLetters),
      lostRecords: sum(one => one.lostRecords),
    }
    const problem = await firstProblem(result, counts.first, partitions, visible, stored, waiting, call)
    return { ok: problem === null, ...result, firstProblem: problem }
  }, call)
}

/** Ids looked at at a time: a byte each. */
const WINDOW_IDS = 2 ** 18
/** In the source; in the files as often as the rest of the byte says, up to twice. */
const IN_SOURCE = 4
const TWICE = 2

interface Counts {
  sourceRows: number
  storedIds: number
  missing: number
  duplicated: number
  first: { rowId: number; inSource: boolean; stored: boolean } | undefined
}

async function compare(stored: StoredIds, source: SourceRowIds, last: number, call?: Call): Promise<Counts> {
  const counts: Counts = { sourceRows: 0, storedIds: 0, missing: 0, duplicated: 0, first: undefined }
  const window = new Uint8Array(WINDOW_IDS)
  const ids = ascending(source.all(call))
  try {
    let start = Math.min(stored.first(), await ids.next())
    while (start !== Number.POSITIVE_INFINITY) {
      window.fill(0)
      const end = start + WINDOW_IDS
      await ids.takeBelow(end, rowId => {
        counts.sourceRows++
        window[rowId - start] = IN_SOURCE
      })
      const next = await stored.within(
        start,
        end,
        rowId => {
          counts.storedIds++
          const seen = window[rowId - start]!
          if ((seen & TWICE) > 0 || (seen & 1) > 0 || (seen & IN_SOURCE) === 0) counts.duplicated++
          window[rowId - start] = (seen & 1) > 0 ? seen | TWICE : seen | 1
        },
        call,
      )
      judge(window, start, last, counts)
      start = Math.min(next, await ids.next())
    }
  } finally {
    await ids.end()
  }
  return counts
}

function judge(window: Uint8Array, start: number, last: number, counts: Counts): void {
  for (let index = 0; index < window.length; index++) {
    const seen = window[index]!
    if (seen === 0 || seen === (IN_SOURCE | 1)) continue
    const rowId = start + index
    const [inSource, isStored] = [(seen & IN_SOURCE) > 0, (seen & 1) > 0]
    if (!isStored) {
      if (rowId > last) {
        counts.sourceRows--
        continue
      }
      counts.missing++
    }
    counts.first ??= { rowId, inSource, stored: isStored }
  }
}

async function firstProblem(
  {
    missing,
    lostRecords,
    deadLetters,
    withoutId,
  }: Pick<Verification, 'missing' | 'lostRecords' | 'deadLetters' | 'withoutId'>,
  first: Counts['first'],
  partitions: readonly PartitionFiles[],
  visible: readonly BatchFile[],
  stored: StoredIds,
  waiting: VerifyOptions['waiting'],
  call?: Call,
): Promise<string | null> {
  const unusable = unusableFile(partitions)
  if (first && !first.stored) {
    const reasons = [
      unusable,
      lostRecords > 0 ? `The log had dropped ${lostRecords} records before they were read.` : undefined,
      deadLetters > 0 ? `${deadLetters} records are kept in /dead-letters.` : undefined,
      await waitingWords(waiting, call),
    ]
    const others = missing > 1 ? ` and ${missing - 1} others are` : ' is'
    return [`Row ${first.rowId} of the source${others} in no file.`, ...reasons.filter(Boolean)].join(' ')
  }
  if (first) {
    const paths = await stored.pathsOf(first.rowId, call)
    const where = [...new Set(paths)].join(' and ')
    return first.inSource
      ? `Row ${first.rowId} of the source is stored ${paths.length} times, in ${where}.`
      : `Row ${first.rowId} is stored in ${where}, but the source has no such row.`
  }
  if (withoutId > 0) {
    const path = visible.find(({ parts }) => parts.some(({ rowIds }) => rowIds.minRowId === null))?.status.path
    return `${withoutId} stored rows came from a producer that gives them no id, so nothing is known of them${path ? `; for example in ${path}` : ''}.`
  }
  return unusable ?? offsetProblem(visible) ?? null
}

function unusableFile(partitions: readonly PartitionFiles[]): string | undefined {
  try {
    wholeOf(partitions)
    return undefined
  } catch (error) {
    if (hasCode(error, 'DATA_LOST')) return error.message
    throw error
  }
}

/** Offsets that no file or two files account for; the rows are right all the same. */
function offsetProblem(visible: readonly BatchFile[]): string | undefined {
  for (const [index, { partition, status, meta }] of visible.entries()) {
    const before = visible[index - 1]
    const expected = before?.partition === partition ? before.meta.endOffset : 0
    if (meta.firstOffset !== expected) {
      return `${status.path} begins at offset ${meta.firstOffset}, but the files before it end at ${expected}.`
    }
  }
  return undefined
}

async function waitingWords(waiting: VerifyOptions['waiting'], call?: Call): Promise<string> {
  const records = await waiting(call)
  return records > 0 ? `${records} records wait in the log.` : 'No record waits in the log.'
}

/** Ascending numbers out of batches. */
function ascending(batches: AsyncIterable<ArrayLike<number>>) {
  const iterator = batches[Symbol.asyncIterator]()
  let batch: ArrayLike<number> = []
  let at = 0
  let done = false

  /** The next number, or infinity when there is none. */
  const next = async (): Promise<number> => {
    while (at === batch.length && !done) {
      const result = await iterator.next()
      if (result.done) done = true
      batch = result.done ? [] : result.value
      at = 0
    }
    return batch[at] ?? Number.POSITIVE_INFINITY
  }

  return {
    next,
    async takeBelow(end: number, tell: (value: number) => void): Promise<void> {
      while ((await next()) < end) {
        for (; at < batch.length && batch[at]! < end; at++) tell(batch[at]!)
      }
    },
    async end() {
      if (!done) await iterator.return?.()
    },
  }
}
