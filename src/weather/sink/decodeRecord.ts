import type { LogRecord } from '../../datasources/log.ts'
import { decodeReport } from '../report.ts'
import { rowIdOf } from '../rowIdHeaders.ts'
import { NO_ROW_ID } from './batchCodec.ts'
import type { DecodedRow } from './openBatch.ts'

/** A record as our producer writes it: a Report, with the row's id in a header. */
export function decodeRecord({ value, headers }: LogRecord): DecodedRow | { problem: string } {
  const report = decodeReport(value)
  if ('problem' in report) return report
  const { stationId, date, degrees } = report
  return { stationId, date, degrees, rowId: rowIdOf(headers) ?? NO_ROW_ID }
}
