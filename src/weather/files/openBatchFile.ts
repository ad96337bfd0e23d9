import type { Call } from '../../datasources/call.ts'
import type { ByteRange, FileStatus, Storage } from '../../datasources/storage.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import { decodeRowGroup, type TextColumn } from '../../parquet/decodeRowGroup.ts'
import { BrokenParquetError } from '../../parquet/footer.ts'
import type { BatchRows } from '../sink/batchCodec.ts'
import { sentence } from '../words.ts'
import { type BatchPart, type BatchTail, batchTailOf, readBatchTail } from './batchTail.ts'
import { decodeRowIds } from './rowIds.ts'

/** A batch file that is being read: its parts one by one. */
export interface OpenBatchFile extends BatchTail {
  columns(part: BatchPart): Promise<BatchColumns>
  rowIds(part: BatchPart): Promise<Float64Array>
  /** As they are in the file: the row group, and the encoded row ids. */
  bytes(part: BatchPart): Promise<{ group: Uint8Array; rowIds: Uint8Array }>
}

/** The rows of one part. */
export interface BatchColumns {
  rows: number
  stations: TextColumn
  dates: TextColumn
  degrees: Float64Array
}

/** A file up to this size is read in one go: cheaper than a second request. */
const WHOLE_BYTES = 1 << 20

const COLUMNS = [
  { name: 'station_id', kind: 'text' },
  { name: 'date', kind: 'text' },
  { name: 'degrees', kind: 'number' },
] as const

/**
 * One read for a small file, else one for the end and one for each part asked for. Throws what Storage.read throws, NOT_FOUND for a file that
 * was replaced and swept meanwhile; DATA_LOST where the bytes are not what was written.
 */
export async function openBatchFile(storage: Storage, status: FileStatus, call?: Call): Promise<OpenBatchFile> {
  const { path, length } = status
  const whole = length <= WHOLE_BYTES ? await storage.read(path, { offset: 0, length }, call) : undefined
  const tail = whole ? batchTailOf(whole) : await readBatchTail(storage, status, call)
  if ('problem' in tail) throw damaged(path, tail.problem)

  const read = async (range: ByteRange) =>
    whole?.subarray(range.offset, range.offset + range.length) ?? (await storage.read(path, range, call))

  return {
    ...tail,
    async columns(part) {
      const bytes = await read(part)
      return await named(path, async () => {
        const { rows, text, numbers } = await decodeRowGroup(tail.footer, tail.parts.indexOf(part), bytes, COLUMNS)
        return { rows, stations: text.get('station_id')!, dates: text.get('date')!, degrees: numbers.get('degrees')! }
      })
    },
    async rowIds({ rows, rowIds }) {
      const bytes = await read(rowIds)
      return await named(path, () => decodeRowIds(bytes, rows))
    },
    bytes: async part => ({ group: await read(part), rowIds: await read(part.rowIds) }),
  }
}

/** The row ids of one part alone, in one read; throws as openBatchFile(). */
export async function readRowIds(
  storage: Storage,
  path: string,
  { rows, rowIds: { offset, length } }: BatchPart,
  call?: Call,
): Promise<Float64Array> {
  const bytes = await storage.read(path, { offset, length }, call)
  return await named(path, () => decodeRowIds(bytes, rows))
}

/** As the sink has them: plain arrays. */
export function rowsOf({ stations, dates, degrees }: BatchColumns, rowIds: Float64Array): BatchRows {
  const textsOf = ({ ids, words }: TextColumn) => Array.from(ids, id => words[id]!)
  return { stationIds: textsOf(stations), dates: textsOf(dates), degrees: [...degrees], rowIds: [...rowIds] }
}

async function named<T>(path: string, decode: () => T | Promise<T>): Promise<T> {
  try {
    return await decode()
  } catch (error) {
    if (hasCode(error, 'DATA_LOST')) {
      throw damaged(path, error instanceof BrokenParquetError ? error.problem : error.message, error)
    }
    throw error
  }
}

/** @param problem What is wrong with the file's bytes. */
export function damaged(path: string, problem: string, cause?: unknown): MillraceError {
  return new MillraceError('DATA_LOST', sentence(`${path} is damaged: ${problem}`), {
    hint: 'Start the stream: it writes the file again while the log still has its records.',
    cause,
  })
}
