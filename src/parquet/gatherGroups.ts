import {
  BrokenParquetError,
  columnChunks,
  type FileMetaData,
  keepStatistics,
  keyValues,
  MAGIC,
  moveRowGroup,
  parseFooter,
  rowGroups,
  schemaBytes,
  withContent,
} from './footer.ts'
import type { GroupEntry } from './groupSpool.ts'
import type { Struct } from './thrift.ts'

/** Row groups brought together, as if they were one range of a grouped file. */
export interface GatheredGroups {
  footer: FileMetaData
  entry: Pick<GroupEntry, 'firstGroup' | 'groups' | 'offset' | 'length' | 'tailOffset'>
  /** The bytes of `entry`. */
  range: Uint8Array
}

/**
 * All row groups of whole files of one schema, put one after the other with the chunks of the tail columns last. Nothing is decoded;
 * statistics stay for the tail columns. DATA_LOST where one is no Parquet, or of another schema.
 */
export function gatherGroups(files: readonly Uint8Array[], tailColumns: readonly string[]): GatheredGroups {
  const footers = files.map(parseFooter)
  const [first] = footers
  if (!first) throw new BrokenParquetError('expected at least one file')
  const schema = schemaBytes(first)
  if (footers.some(footer => Buffer.compare(schemaBytes(footer), schema) !== 0)) {
    throw new BrokenParquetError('expected files of one schema, found several')
  }
  const groups = footers.flatMap((footer, index) =>
    rowGroups(footer).map(group => ({ group, chunks: columnChunks(group), bytes: files[index]! })),
  )
  const isTail = (column: string) => tailColumns.includes(column)
  const sizeOf = (wanted: boolean) =>
    groups
      .flatMap(({ chunks }) => chunks)
      .reduce((sum, { column, length }) => sum + (isTail(column) === wanted ? length : 0), 0)
  const [headLength, tailLength] = [sizeOf(false), sizeOf(true)]
  const offset = MAGIC.length
  const range = new Uint8Array(headLength + tailLength)
  const next = { head: 0, tail: headLength }
  const placed: Struct[] = groups.map(({ group, chunks, bytes }, ordinal) => {
    const offsets = chunks.map(chunk => {
      const part = isTail(chunk.column) ? 'tail' : 'head'
      const at = next[part]
      range.set(bytes.subarray(chunk.offset, chunk.offset + chunk.length), at)
      next[part] += chunk.length
      return offset + at
    })
    return moveRowGroup(keepStatistics(group, tailColumns), offsets, ordinal)
  })
  return {
    footer: withContent(first, placed, keyValues(first)),
    entry: { firstGroup: 0, groups: placed.length, offset, length: range.length, tailOffset: offset + headLength },
    range,
  }
}
