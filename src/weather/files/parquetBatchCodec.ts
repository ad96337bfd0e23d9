import type { SourceColumn } from '../../datasources/source.ts'
import { byteStringsOf } from '../../parquet/byteStrings.ts'
import type { PackedColumn } from '../../parquet/columnPacker.ts'
import { encodeColumns } from '../../parquet/encodeRowGroup.ts'
import {
  type FileMetaData,
  groupExtent,
  MAGIC,
  parseFooter,
  rowGroups,
  sealFooter,
  shiftRowGroup,
  withContent,
} from '../../parquet/footer.ts'
import { type BatchCodec, type BatchRows, NO_ROW_ID } from '../sink/batchCodec.ts'
import { type RowIdSection, toKeyValues } from './batchMetadata.ts'
import { readBatchTail } from './batchTail.ts'
import { encodeRowIds } from './rowIds.ts'

/** The columns of every batch file, in their order. */
export const BATCH_COLUMNS: SourceColumn[] = [
  { name: 'station_id', type: { kind: 'text' } },
  { name: 'date', type: { kind: 'text' } },
  { name: 'degrees', type: { kind: 'float', bits: 64 } },
]

/**
 * Batches as Parquet files: the rows in one row group (none where there are no rows), their ids behind it where other software does not look,
 * and what the file says of itself in the key-value metadata of the footer.
 */
export const parquetBatchCodec: BatchCodec = {
  async encode(rows, meta) {
    const { footer, group, groupOffset, rowIds, section } = await encodePart(rows)
    const groups = rowGroups(footer).map((one, ordinal) => shiftRowGroup(one, MAGIC.length - groupOffset, ordinal))
    const sections = groups.map(() => ({ ...section, offset: MAGIC.length + group.length }))
    const end = sealFooter(withContent(footer, groups, toKeyValues({ meta, sections })))
    return groups.length === 0 ? [MAGIC, end] : [MAGIC, group, rowIds, end]
  },

  async readMeta(storage, file, call) {
    const tail = await readBatchTail(storage, file, call)
    return 'problem' in tail ? tail : { meta: tail.meta }
  },
}

/** Rows on their way into a file: a row group and its ids. */
export interface EncodedPart {
  /** With one row group, or none where there are no rows. */
  footer: FileMetaData
  group: Uint8Array
  /** Where the footer says that the row group begins. */
  groupOffset: number
  rowIds: Uint8Array
  section: Omit<RowIdSection, 'offset'>
}

export async function encodePart(rows: BatchRows): Promise<EncodedPart> {
  const packed = packBatch(rows)
  const file = encodeColumns({
    columns: BATCH_COLUMNS,
    packed,
    statistics: ['date'],
    plain: ['degrees'],
  })
  const footer = parseFooter(file)
  const [group] = rowGroups(footer)
  const { offset, length } = group ? groupExtent(group) : { offset: MAGIC.length, length: 0 }
  const rowIds = encodeRowIds(rows.rowIds)
  const section = { length: rowIds.length, rows: rows.rowIds.length, ...rowIdBounds(rows.rowIds) }
  return { footer, group: file.subarray(offset, offset + length), groupOffset: offset, rowIds, section }
}

/** Of the rows that have an id. */
export function rowIdBounds(rowIds: ArrayLike<number>): Pick<RowIdSection, 'minRowId' | 'maxRowId'> {
  let [min, max] = [Number.POSITIVE_INFINITY, 0]
  for (let row = 0; row < rowIds.length; row++) {
    const rowId = rowIds[row]!
    if (rowId === NO_ROW_ID) continue
    if (rowId < min) min = rowId
    if (rowId > max) max = rowId
  }
  return max === 0 ? { minRowId: null, maxRowId: null } : { minRowId: min, maxRowId: max }
}

function packBatch({ stationIds, dates, degrees }: BatchRows): PackedColumn[] {
  return [packText(stationIds), packText(dates), packDegrees(degrees)]
}

/** In one pass over the column: it is there as a whole, so that nothing has to grow. */
function packText(texts: readonly string[]): PackedColumn {
  const idOf = new Map<string, number>()
  const ids = new Int32Array(texts.length)
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row]!
    let id = idOf.get(text)
    if (id === undefined) {
      id = idOf.size
      idOf.set(text, id)
    }
    ids[row] = id
  }
  const dictionary = byteStringsOf(idOf.keys())
  return { rows: texts.length, nulls: 0, values: new Uint8Array(ids.buffer), compact: 4, dictionary }
}

function packDegrees(degrees: readonly number[]): PackedColumn {
  return { rows: degrees.length, nulls: 0, values: new Uint8Array(Float64Array.from(degrees).buffer) }
}
