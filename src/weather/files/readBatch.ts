import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import { decodeRowGroup, type TextColumn } from '../../parquet/decodeRowGroup.ts'
import type { BatchTail } from './batchTail.ts'
import { decodeRowIds } from './rowIds.ts'

/** A batch file whose end has been read. */
export interface BatchFile extends BatchTail {
  status: FileStatus
}

/** The rows of one row group. */
export interface BatchGroup {
  rows: number
  stations: TextColumn
  dates: TextColumn
  degrees: Float64Array
}

const COLUMNS = [
  { name: 'station_id', kind: 'text' },
  { name: 'date', kind: 'text' },
  { name: 'degrees', kind: 'number' },
] as const

/** One range read. DATA_LOST where the bytes are not what was written. */
export async function readBatchGroup(
  storage: Storage,
  file: BatchFile,
  index: number,
  call?: Call,
): Promise<BatchGroup> {
  const { offset, length } = file.groups[index]!
  const bytes = await storage.read(file.status.path, { offset, length }, call)
  const { rows, text, numbers } = await decodeRowGroup(file.footer, index, bytes, COLUMNS)
  return { rows, stations: text.get('station_id')!, dates: text.get('date')!, degrees: numbers.get('degrees')! }
}

/** The row ids of one section, in one range read. DATA_LOST where the bytes are not what was written. */
export async function readRowIds(storage: Storage, file: BatchFile, index: number, call?: Call): Promise<Float64Array> {
  const { offset, length, rows } = file.sections[index]!
  return decodeRowIds(await storage.read(file.status.path, { offset, length }, call), rows)
}
