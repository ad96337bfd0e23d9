import type { FileStatus, Storage } from '../../../src/datasources/storage.ts'
import { batchPath } from '../../../src/weather/files/names.ts'
import { parquetBatchCodec, rowIdBounds } from '../../../src/weather/files/parquetBatchCodec.ts'
import type { BatchMeta, BatchRows, BatchTotals } from '../../../src/weather/sink/batchCodec.ts'

export interface TestRow {
  rowId: number
  stationId: string
  date: string
  degrees: number
}

export function columnsOf(rows: readonly TestRow[]): BatchRows {
  return {
    stationIds: rows.map(({ stationId }) => stationId),
    dates: rows.map(({ date }) => date),
    degrees: rows.map(({ degrees }) => degrees),
    rowIds: rows.map(({ rowId }) => rowId),
  }
}

export function testRowsOf({ stationIds, dates, degrees, rowIds }: BatchRows): TestRow[] {
  return rowIds.map((rowId, row) => ({ rowId, stationId: stationIds[row]!, date: dates[row]!, degrees: degrees[row]! }))
}

/** One row a station and day from 2000-01-01 on, as the generator's table holds them: ids from 1. */
export function generatedRows(days: number, stations = 10): TestRow[] {
  return Array.from({ length: days * stations }, (_, index) => {
    const day = Math.floor(index / stations)
    return {
      rowId: index + 1,
      stationId: `Station${String.fromCharCode(65 + (index % stations))}`,
      date: dateOf(day),
      degrees: ((index * 37) % 1000) / 10,
    }
  })
}

export function dateOf(dayFrom2000: number): string {
  return new Date(Date.UTC(2000, 0, 1 + dayFrom2000)).toISOString().slice(0, 10)
}

const LAYOUT = { replication: 1, blockBytes: 1 << 20 }

/** Writes batches of one partition one after the other, as the sink does but without its protocol: an offset a row. */
export function batchWriter(storage: Storage, partition: number) {
  let nextBatch = 0
  let offset = 0
  let totals: BatchTotals = { rows: 0, doubles: 0, deadLetters: 0, lostRecords: 0, maxRowId: null }

  return {
    async write(rows: readonly TestRow[], changes: Partial<BatchMeta> = {}): Promise<FileStatus> {
      const columns = columnsOf(rows)
      const { minRowId, maxRowId } = rowIdBounds(columns.rowIds)
      totals = { ...totals, rows: totals.rows + rows.length, maxRowId: maxRowId ?? totals.maxRowId, ...changes.totals }
      const meta: BatchMeta = {
        version: 1,
        partition,
        firstBatch: nextBatch,
        lastBatch: nextBatch,
        firstOffset: offset,
        endOffset: offset + rows.length,
        rows: rows.length,
        minRowId,
        maxRowId,
        doubles: 0,
        deadLetters: 0,
        lost: [],
        epoch: 1,
        writtenAt: new Date(Date.UTC(2026, 0, 1) + nextBatch * 1000).toISOString(),
        ...changes,
        totals,
      }
      const path = batchPath(meta)
      await storage.create(path, await parquetBatchCodec.encode(columns, meta), LAYOUT)
      nextBatch = meta.lastBatch + 1
      offset = meta.endOffset
      return storage.stat(path)
    },
  }
}
