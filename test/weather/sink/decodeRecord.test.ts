import { expect, test } from 'vitest'
import { encodeReport } from '../../../src/weather/report.ts'
import { completeThroughHeader, rowIdHeaders } from '../../../src/weather/rowIdHeaders.ts'
import { NO_ROW_ID } from '../../../src/weather/sink/batchCodec.ts'
import { decodeRecord } from '../../../src/weather/sink/decodeRecord.ts'

const report = { stationId: 'StationI', date: '2000-02-29', degrees: 5 }
const record = { offset: 7, timestampMillis: 0, key: null, value: encodeReport(report), headers: [] }

test('a record is the row of its Report, with the id of its header', () => {
  const headers = rowIdHeaders(2 ** 40 + 1, completeThroughHeader(3))
  expect(decodeRecord({ ...record, headers })).toEqual({ ...report, rowId: 2 ** 40 + 1 })
})

test('a record of another program has no row id', () => {
  expect(decodeRecord(record)).toEqual({ ...report, rowId: NO_ROW_ID })
})

test('a record that is no Report says why', () => {
  expect(decodeRecord({ ...record, value: null })).toEqual({ problem: 'there is no value' })
  expect(decodeRecord({ ...record, value: encodeReport({ ...report, date: '2000-02-30' }) })).toHaveProperty('problem')
})
