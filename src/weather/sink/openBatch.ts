import type { LogRecord } from '../../datasources/log.ts'
import { type BatchMeta, type BatchRows, type BatchTotals, NO_ROW_ID, type OffsetSpan } from './batchCodec.ts'
import type { DeadLetter } from './deadLetters.ts'
import type { SinkSettings } from './settings.ts'

/** A record as a row; `rowId` is NO_ROW_ID where its producer gives none. */
export interface DecodedRow {
  stationId: string
  date: string
  degrees: number
  rowId: number
}

/** `problem`: half a sentence on why the record is no row. */
export type Decode = (record: LogRecord) => DecodedRow | { problem: string }

/** Where a batch begins: at the end of the one before. */
export interface BatchStart {
  offset: number
  totals: BatchTotals
}

export const NO_TOTALS: BatchTotals = { rows: 0, doubles: 0, deadLetters: 0, lostRecords: 0, maxRowId: null }

/** What the batch will say of itself, without what its writer adds. */
export type BatchContents = Pick<
  BatchMeta,
  'firstOffset' | 'endOffset' | 'rows' | 'minRowId' | 'maxRowId' | 'doubles' | 'deadLetters' | 'lost' | 'totals'
>

export interface OpenBatch {
  /** The next record. It becomes a row, a double that is left out, or a dead letter; nothing else can become of it. */
  add(record: LogRecord): void
  /** Goes on to `offset`: what lies before it and was not added is no record. */
  passTo(offset: number): void
  /** Goes on to `offset` over records that the log no longer has. */
  loseTo(offset: number): void
  /** By rows, bytes or dead letters. */
  isFull(): boolean
  /** Whether anything is in it that must be accounted for. */
  isEmpty(): boolean
  endOffset(): number
  rows(): number
  close(): ClosedBatch
}

export interface ClosedBatch {
  rows: BatchRows
  contents: BatchContents
  letters: DeadLetter[]
}

type Limits = Pick<SinkSettings, 'batchRows' | 'batchBytes' | 'batchDeadLetters'>

/**
 * The rows of a partition come in ascending order of their ids, but for a producer that was not sure and sent some again: so a row whose id is not
 * larger than the largest one before is a double.
 */
export function openBatch(start: BatchStart, decode: Decode, limits: Limits): OpenBatch {
  const columns: BatchRows = { stationIds: [], dates: [], degrees: [], rowIds: [] }
  const letters: DeadLetter[] = []
  const lost: OffsetSpan[] = []
  let endOffset = start.offset
  let highestId = start.totals.maxRowId ?? NO_ROW_ID
  let minRowId: number | null = null
  let maxRowId: number | null = null
  let doubles = 0
  let bytes = 0
  /** Stations and days come again and again: each is held once, which is most of what a batch takes. */
  const texts = new Map<string, string>()
  const once = (text: string) => {
    const known = texts.get(text)
    if (known === undefined) texts.set(text, text)
    return known ?? text
  }
  const empty = () => columns.rowIds.length === 0 && doubles === 0 && letters.length === 0 && lost.length === 0

  return {
    add(record) {
      endOffset = record.offset + 1
      bytes += record.value?.length ?? 0
      const row = decode(record)
      if ('problem' in row) {
        letters.push({ record, reason: row.problem })
        return
      }
      const { rowId } = row
      if (rowId !== NO_ROW_ID) {
        if (rowId <= highestId) {
          doubles += 1
          return
        }
        highestId = rowId
        minRowId ??= rowId
        maxRowId = rowId
      }
      columns.stationIds.push(once(row.stationId))
      columns.dates.push(once(row.date))
      columns.degrees.push(row.degrees)
      columns.rowIds.push(rowId)
    },
    passTo(offset) {
      endOffset = Math.max(endOffset, offset)
    },
    loseTo(offset) {
      lost.push({ from: endOffset, to: offset })
      endOffset = offset
    },
    isFull: () =>
      columns.rowIds.length >= limits.batchRows ||
      bytes >= limits.batchBytes ||
      letters.length >= limits.batchDeadLetters,
    isEmpty: empty,
    endOffset: () => endOffset,
    rows: () => columns.rowIds.length,
    close() {
      const { totals } = start
      const rows = columns.rowIds.length
      return {
        rows: columns,
        letters,
        contents: {
          firstOffset: start.offset,
          endOffset,
          rows,
          minRowId,
          maxRowId,
          doubles,
          deadLetters: letters.length,
          lost,
          totals: {
            rows: totals.rows + rows,
            doubles: totals.doubles + doubles,
            deadLetters: totals.deadLetters + letters.length,
            lostRecords: totals.lostRecords + lost.reduce((sum, { from, to }) => sum + (to - from), 0),
            maxRowId: highestId === NO_ROW_ID ? null : highestId,
          },
        },
      }
    },
  }
}
