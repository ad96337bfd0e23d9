import { type FileMetaData, keyValues, MAGIC, rowGroups, sealFooter, shiftRowGroup, withContent } from './footer.ts'
import type { GroupEntry } from './groupSpool.ts'

export interface CutFile {
  /** The parts of the file in order: magic, the range as it was, the footer. */
  parts: Uint8Array[]
  length: number
  /** Where in it the tail columns begin. */
  tailOffset: number
}

/**
 * A Parquet file of one key's rows, cut from a grouped file: its range of bytes under a footer of its own. Nothing is decoded.
 * @param range The bytes of `entry`'s range.
 */
export function cutRange(
  footer: FileMetaData,
  entry: Pick<GroupEntry, 'firstGroup' | 'groups' | 'offset' | 'tailOffset'>,
  range: Uint8Array,
  metadata: ReadonlyMap<string, string>,
): CutFile {
  const by = MAGIC.length - entry.offset
  const groups = rowGroups(footer, entry.firstGroup, entry.groups).map((group, ordinal) =>
    shiftRowGroup(group, by, ordinal),
  )
  const schema = keyValues(footer).get(ARROW_SCHEMA)
  const pairs = new Map([...(schema === undefined ? [] : [[ARROW_SCHEMA, schema] as const]), ...metadata])
  const sealed = sealFooter(withContent(footer, groups, pairs))
  return {
    parts: [MAGIC, range, sealed],
    length: MAGIC.length + range.length + sealed.length,
    tailOffset: entry.tailOffset + by,
  }
}

/** Arrow's own description of the columns, which PyArrow and others read types from. */
export const ARROW_SCHEMA = 'ARROW:schema'
