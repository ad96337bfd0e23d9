import type { Call } from '../../datasources/call.ts'
import type { OffsetRange } from '../../datasources/log.ts'
import { MillraceError } from '../../errors.ts'
import { type RowIds, rowIdsOf } from '../rowIdHeaders.ts'
import type { ProducerLog } from './producer.ts'

/** What of a table is in a topic already. */
export interface ResumePoint {
  /** Every row up to this id is; 0 where none is known to be. */
  completeThrough: number
  /** For each partition, the row id of its last record; every row of that partition up to it is in the topic. 0 for none. */
  lastRowIds: number[]
}

/** How far back the last record of a producer like this one is looked for, behind those of others. */
const LOOK_BACK_RECORDS = [64, 1_024, 16_384]
const FETCH_BYTES = 1024 * 1024
const FETCH_WAIT_MILLIS = 1_000

/**
 * Reads the last record of each partition. The largest completeThrough counts, so that a partition whose last record is old, or a record
 * that was given up and came late, drags nothing back; or the smallest of the last row ids, where every partition has come further than
 * that. Where no record is left the point is the beginning: doubles are dropped downstream, holes could not be filled.
 *
 * Errors: those of Log, and CONFLICT for a topic that has records but none from a producer that says what it has sent.
 */
export async function resumePoint(
  log: ProducerLog,
  topic: string,
  partitions: number,
  call: Call,
): Promise<ResumePoint> {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const ranges = await log.offsets(topic, numbers, call)
  const last = await Promise.all(ranges.map((range, partition) => lastRowIds(log, topic, partition, range, call)))
  if (last.every(ids => ids === undefined) && ranges.some(({ begin, end }) => end > begin)) {
    throw foreignTopic(topic, ranges)
  }
  const rowIds = last.map(ids => ids?.rowId ?? 0)
  return {
    completeThrough: Math.max(Math.min(...rowIds), ...last.map(ids => ids?.completeThrough ?? 0)),
    lastRowIds: rowIds,
  }
}

async function lastRowIds(
  log: ProducerLog,
  topic: string,
  partition: number,
  { begin, end }: OffsetRange,
  call: Call,
): Promise<RowIds | undefined> {
  for (const records of LOOK_BACK_RECORDS) {
    const from = Math.max(begin, end - records)
    const found = await lastBetween(log, topic, partition, from, end, call)
    if (found || from === begin) return found
  }
  return undefined
}

async function lastBetween(
  log: ProducerLog,
  topic: string,
  partition: number,
  from: number,
  end: number,
  call: Call,
): Promise<RowIds | undefined> {
  let last: RowIds | undefined
  for (let offset = from; offset < end; ) {
    const wanted = { offset, maxBytes: FETCH_BYTES, waitMillis: FETCH_WAIT_MILLIS }
    const { records, nextOffset } = await log.fetch(topic, partition, wanted, call)
    for (const { headers } of records) last = rowIdsOf(headers) ?? last
    if (nextOffset === offset) break
    offset = nextOffset
  }
  return last
}

function foreignTopic(topic: string, ranges: readonly OffsetRange[]): MillraceError {
  const records = ranges.reduce((sum, { begin, end }) => sum + end - begin, 0)
  return new MillraceError(
    'CONFLICT',
    `Expected the topic "${topic}" to be empty or to have records of this producer, but the last of its ${records} records are of another, ` +
      'which do not say what rows they were made from.',
    {
      hint: 'Give the weather a topic of its own with MILLRACE_WEATHER_TOPIC, or let this one be made anew with --recreate-topic.',
    },
  )
}
