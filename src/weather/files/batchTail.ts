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
import { type BatchMetadata, fromKeyValues } from './batchMetadata.ts'

/** What stands at the end of a batch file. */
export interface BatchTail extends BatchMetadata {
  footer: FileMetaData
  groups: BatchGroupPlace[]
}

/** One row group of a batch file. */
export interface BatchGroupPlace {
  offset: number
  length: number
  rows: number
  /** Of its dates. */
  min: string
  max: string
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
    const footer = parseFooter(await readTail(storage, status, FIRST_READ_BYTES, call))
    const metadata = fromKeyValues(keyValues(footer))
    if ('problem' in metadata) return metadata
    const groups = rowGroups(footer).map(placeOf)
    return problemOf(metadata, footer, groups) ?? { ...metadata, footer, groups }
  } catch (error) {
    if (error instanceof BrokenParquetError) return { problem: error.problem }
    throw error
  }
}

function placeOf(group: Struct): BatchGroupPlace {
  // A writer that notes no bounds makes every question read the group, no more.
  return { ...groupExtent(group), rows: groupRows(group), ...(textBounds(group, 'date') ?? { min: '', max: '\uffff' }) }
}

function problemOf(
  { meta, sections }: BatchMetadata,
  footer: FileMetaData,
  groups: readonly BatchGroupPlace[],
): { problem: string } | undefined {
  const counts = [
    rowCount(footer),
    groups.reduce((sum, { rows }) => sum + rows, 0),
    sections.reduce((sum, { rows }) => sum + rows, 0),
  ]
  if (counts.every(count => count === meta.rows)) return undefined
  return { problem: `expected ${meta.rows} rows, found ${counts.join(', ')} in its footer, row groups and row ids` }
}
