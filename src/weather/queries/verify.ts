import type { Call } from '../../datasources/call.ts'
import type { Storage } from '../../datasources/storage.ts'
import { hasCode } from '../../errors.ts'
import { type BatchFile, type BatchFiles, type PartitionFiles, wholeOf } from '../files/batchFiles.ts'
import type { WeatherVerification } from '../weather.ts'
import { counted } from '../words.ts'
import { type Comparison, compareRowIds } from './compareRowIds.ts'
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
 * Compares the ids of the source's rows with those stored, each as often as it is there. Rows that come to the source meanwhile need not
 * be in the files yet. Reads each once, in windows of ids: what it holds in memory does not grow with the number of rows. Not ok either
 * where a file cannot be read or offsets do not follow on, though no row be missing.
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
    const found = await compareRowIds(stored, source.all(call), last, call)
    const totals = partitions.map(set => set.visible.at(-1)?.meta.totals)
    const sum = (of: (one: NonNullable<(typeof totals)[number]>) => number) =>
      totals.reduce((total, one) => total + (one ? of(one) : 0), 0)
    const storedRows = visible.reduce((rows, { meta }) => rows + meta.rows, 0)
    const withoutId = storedRows - found.storedIds
    const counts = {
      sourceRows: found.sourceRows,
      storedRows,
      missing: found.missing,
      duplicated: found.duplicated + withoutId,
      withoutId,
      deadLetters: sum(one => one.deadLetters),
      lostRecords: sum(one => one.lostRecords),
    }
    const { first } = found
    const problem = await firstProblem({ counts, first, partitions, visible, stored, waiting }, call)
    return { ok: problem === null, ...counts, firstProblem: problem }
  }, call)
}

interface Findings {
  counts: Pick<Verification, 'missing' | 'lostRecords' | 'deadLetters' | 'withoutId'>
  first: Comparison['first']
  partitions: readonly PartitionFiles[]
  visible: readonly BatchFile[]
  stored: StoredIds
  waiting: VerifyOptions['waiting']
}

async function firstProblem(findings: Findings, call?: Call): Promise<string | null> {
  const { counts, first, partitions, visible, stored, waiting } = findings
  const { missing, lostRecords, deadLetters, withoutId } = counts
  const unusable = unusableFile(partitions)
  if (first && !first.isStored) {
    const reasons = [
      unusable,
      lostRecords > 0 ? `The log had dropped ${counted(lostRecords, 'record')} before they were read.` : undefined,
      deadLetters > 0 ? `Kept in /dead-letters: ${counted(deadLetters, 'record')}.` : undefined,
      await waitingWords(waiting, call),
    ]
    const others = missing > 1 ? ` and ${counted(missing - 1, 'other')} are` : ' is'
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
    return `${counted(withoutId, 'stored row')} came from a producer that gives them no id, so nothing can be proved of them.`
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
  return records > 0 ? `Waiting in the log: ${counted(records, 'record')}.` : 'No record waits in the log.'
}
