import type { SourceColumn } from '../../datasources/source.ts'
import type { PackedColumn } from '../../parquet/columnPacker.ts'
import {
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
    // When first needed: it takes 30 MB.
    const { encodeColumns } = await import('../../parquet/encodeRowGroup.ts')
    const file = encodeColumns({
      columns: BATCH_COLUMNS,
      packed: packBatch(rows),
      statistics: ['date'],
      plain: ['degrees'],
    })
    const footer = parseFooter(file)
    const parts: Uint8Array[] = [MAGIC]
    let end = MAGIC.length
    const groups = rowGroups(footer).map((group, ordinal) => {
      const { offset, length } = groupExtent(group)
      parts.push(file.subarray(offset, offset + length))
      end += length
      return shiftRowGroup(group, end - length - offset, ordinal)
    })
    const sections: RowIdSection[] = []
    if (meta.rows > 0) {
      const rowIds = encodeRowIds(rows.rowIds)
      parts.push(rowIds)
      sections.push({ offset: end, length: rowIds.length, rows: meta.rows, ...rowIdBounds(rows.rowIds) })
    }
    parts.push(sealFooter(withContent(footer, groups, toKeyValues({ meta, sections }))))
    return parts
  },

  async readMeta(storage, file, call) {
    const tail = await readBatchTail(storage, file, call)
    return 'problem' in tail ? tail : { meta: tail.meta }
  },
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
  return { rows: texts.length, nulls: 0, values: new Uint8Array(ids.buffer), compact: 4, dictionary: [...idOf.keys()] }
}

function packDegrees(degrees: readonly number[]): PackedColumn {
  return { rows: degrees.length, nulls: 0, values: new Uint8Array(Float64Array.from(degrees).buffer) }
}
