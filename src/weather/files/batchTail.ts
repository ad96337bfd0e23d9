import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import {
  BrokenParquetError,
  type FileMetaData,
  groupExtent,
  groupRows,
  keyValues,
  parseFooter,
  rowCount,
  rowGroups,
  textBounds,
} from '../../parquet/footer.ts'
import { readTail } from '../../parquet/readTail.ts'
import type { Struct } from '../../parquet/thrift.ts'
import type { BatchMeta } from '../sink/batchCodec.ts'
import { fromKeyValues, type RowIdSection } from './batchMetadata.ts'

/** What stands at the end of a batch file. */
export interface BatchTail {
  meta: BatchMeta
  /** In the order of the log. */
  parts: BatchPart[]
  footer: FileMetaData
}

/** A row group and its rows' ids. */
export interface BatchPart {
  rows: number
  /** Where the row group lies. */
  offset: number
  length: number
  /** The first and the last of its dates. */
  minDate: string
  maxDate: string
  rowIds: RowIdSection
}

/** The footer of a file as the sink writes it is some 3 kB; that of the largest merged file some 100 kB. */
const FIRST_READ_BYTES = 32 * 1024

/** The tail, or in half a sentence what is wrong with the bytes. Throws what Storage.read throws. One range read, mostly. */
export async function readBatchTail(
  storage: Storage,
  status: FileStatus,
  call?: Call,
): Promise<BatchTail | { problem: string }> {
  try {
    return parseBatchTail(await readTail(storage, status, FIRST_READ_BYTES, call))
  } catch (error) {
    return problemIn(error)
  }
}

/** As readBatchTail(), of bytes that are there: the end of a file, with the whole footer. */
export function batchTailOf(end: Uint8Array): BatchTail | { problem: string } {
  try {
    return parseBatchTail(end)
  } catch (error) {
    return problemIn(error)
  }
}

function problemIn(error: unknown): { problem: string } {
  if (error instanceof BrokenParquetError) return { problem: error.problem }
  throw error
}

function parseBatchTail(end: Uint8Array): BatchTail {
  const footer = parseFooter(end)
  const metadata = fromKeyValues(keyValues(footer))
  if ('problem' in metadata) throw new BrokenParquetError(metadata.problem)
  const { meta, sections } = metadata
  const groups = rowGroups(footer)
  const counts = [rowCount(footer), sum(groups.map(groupRows)), sum(sections.map(({ rows }) => rows))]
  const isAligned = groups.every((group, index) => groupRows(group) === sections[index]?.rows)
  if (!isAligned || counts.some(count => count !== meta.rows)) {
    throw new BrokenParquetError(
      `expected ${meta.rows} rows, found ${counts.join(', ')} in its footer, row groups and row ids`,
    )
  }
  return { meta, parts: groups.map((group, index) => partOf(group, sections[index]!)), footer }
}

function partOf(group: Struct, rowIds: RowIdSection): BatchPart {
  // A group without bounds is read for every question about dates, no more.
  const { min, max } = textBounds(group, 'date') ?? { min: '', max: '\uffff' }
  return { rows: groupRows(group), ...groupExtent(group), minDate: min, maxDate: max, rowIds }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
