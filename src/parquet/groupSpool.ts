import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { MillraceError } from '../errors.ts'
import {
  columnChunks,
  groupBytes,
  groupRows,
  keyValues,
  MAGIC,
  moveRowGroup,
  parseFooter,
  parseGroup,
  rowCount,
  rowGroups,
  schemaBytes,
  sealFooter,
  withContent,
} from './footer.ts'

/** Where the rows of one key lie in a grouped file: one contiguous range of bytes, one or more whole row groups. */
export interface GroupEntry {
  /** Null for the rows without a key, which come last. */
  key: number | null
  firstGroup: number
  groups: number
  offset: number
  length: number
  /** From here to the end of the range lie the chunks of the tail columns of all its groups. */
  tailOffset: number
  rows: number
  /** Of the range's bytes, hexadecimal. */
  sha256: string
}

export interface GroupedFile {
  rows: number
  /** Bytes. */
  length: number
  entries: GroupEntry[]
  /** The file's bytes from the start, in pieces of at most 1 MiB; can be asked for again. */
  content: () => AsyncIterable<Uint8Array>
}

/** Holds encoded row groups in a local file until all are there and can be put in order under one footer. */
export interface GroupSpool {
  /** Adds a Parquet file with one row group. */
  add(key: number | null, file: Uint8Array): Promise<void>
  /** All that was added, ascending by key. `describe` gives the file's key-value metadata. */
  assemble(describe: (entries: readonly GroupEntry[]) => Map<string, string>): Promise<GroupedFile>
  dispose(): Promise<void>
}

interface SpooledGroup {
  /** The row group's metadata as bytes: the tree of a hundred columns takes 150 kB. */
  group: Uint8Array
  rows: number
  /** Where in the spool the body begins: head chunks, then tail chunks. */
  position: number
  headLength: number
  tailLength: number
  chunkLengths: number[]
}

const PIECE_BYTES = 1 << 20

/**
 * @param empty A Parquet file of 0 rows with the schema of all that will be added.
 * @param tailColumns Columns whose chunks come last in each key's range, so that in a file cut from it they stand right
 *   before the footer and one read of its end gives both.
 */
export async function openGroupSpool(
  path: string,
  empty: Uint8Array,
  tailColumns: readonly string[],
): Promise<GroupSpool> {
  const head = parseFooter(empty)
  const schema = schemaBytes(head)
  const spooled = new Map<number | null, SpooledGroup[]>()
  const file = await open(path, 'w+')
  let end = 0
  let queue = Promise.resolve()

  const add = async (key: number | null, bytes: Uint8Array) => {
    const footer = parseFooter(bytes)
    const [group, ...others] = rowGroups(footer)
    if (!group || others.length > 0)
      throw new MillraceError('INTERNAL', `Expected one row group, got ${others.length + 1}.`)
    if (Buffer.compare(schemaBytes(footer), schema) !== 0) {
      throw new MillraceError('INTERNAL', 'A row group was encoded with another schema than the file.')
    }
    const chunks = columnChunks(group)
    const isTail = chunks.map(({ column }) => tailColumns.includes(column))
    const bodies = chunks.map(({ offset, length }) => bytes.subarray(offset, offset + length))
    const heads = bodies.filter((_, index) => !isTail[index])
    const tails = bodies.filter((_, index) => isTail[index])
    const position = end
    const [headLength, tailLength] = [totalLength(heads), totalLength(tails)]
    end += headLength + tailLength
    // Before the first wait, so that the tree of the footer is not kept meanwhile.
    const entry = {
      group: groupBytes(group),
      rows: groupRows(group),
      position,
      headLength,
      tailLength,
      chunkLengths: chunks.map(c => c.length),
    }
    queue = queue.then(() => writeAll(file, [...heads, ...tails], position))
    await queue
    spooled.set(key, [...(spooled.get(key) ?? []), entry])
  }

  const assemble: GroupSpool['assemble'] = async describe => {
    const keys = [...spooled.keys()].sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
    const entries: GroupEntry[] = []
    const groups: Uint8Array[] = []
    let offset = MAGIC.length
    for (const key of keys) {
      const parts = spooled.get(key)!
      const digest = createHash('sha256')
      for await (const piece of rangeOf(file, parts)) digest.update(piece)
      const tailOffset = offset + sum(parts.map(part => part.headLength))
      const length = sum(parts.map(part => part.headLength + part.tailLength))
      const rows = sum(parts.map(part => part.rows))
      entries.push({
        key,
        firstGroup: groups.length,
        groups: parts.length,
        offset,
        length,
        tailOffset,
        rows,
        sha256: digest.digest('hex'),
      })
      groups.push(...placed(parts, offset, tailOffset, groups.length, tailColumns))
      offset += length
    }
    const rows = sum(entries.map(entry => entry.rows))
    const footer = withContent(head, groups, new Map([...keyValues(head), ...describe(entries)]), rows)
    const sealed = sealFooter(footer)
    return {
      rows: rowCount(footer),
      length: offset + sealed.length,
      entries,
      async *content() {
        yield MAGIC
        for (const key of keys) yield* rangeOf(file, spooled.get(key)!)
        yield sealed
      },
    }
  }

  return {
    add,
    assemble,
    async dispose() {
      await file.close()
      await rm(path, { force: true })
    },
  }
}

/** The row groups of one key at their places: all heads in order, then all tails in order. */
function placed(
  parts: readonly SpooledGroup[],
  offset: number,
  tailOffset: number,
  firstOrdinal: number,
  tailColumns: readonly string[],
): Uint8Array[] {
  let [headAt, tailAt] = [offset, tailOffset]
  return parts.map(({ group: bytes, chunkLengths }, index) => {
    const group = parseGroup(bytes)
    const offsets = columnChunks(group).map(({ column }, chunk) => {
      const length = chunkLengths[chunk]!
      if (tailColumns.includes(column)) {
        tailAt += length
        return tailAt - length
      }
      headAt += length
      return headAt - length
    })
    return groupBytes(moveRowGroup(group, offsets, firstOrdinal + index))
  })
}

async function* rangeOf(file: FileHandle, parts: readonly SpooledGroup[]): AsyncGenerator<Uint8Array> {
  for (const { position, headLength } of parts) yield* pieces(file, position, headLength)
  for (const { position, headLength, tailLength } of parts) yield* pieces(file, position + headLength, tailLength)
}

async function* pieces(file: FileHandle, start: number, length: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < start + length; at += PIECE_BYTES) {
    const wanted = Math.min(PIECE_BYTES, start + length - at)
    const { buffer, bytesRead } = await file.read(new Uint8Array(wanted), 0, wanted, at)
    if (bytesRead !== wanted)
      throw new MillraceError('DATA_LOST', 'The spool file of the migration is shorter than written.')
    yield buffer
  }
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[], start: number): Promise<void> {
  const { bytesWritten } = await file.writev(parts, start)
  if (bytesWritten !== totalLength(parts))
    throw new MillraceError('UNAVAILABLE', 'The local disk took only a part of a row group.')
}

function totalLength(parts: readonly Uint8Array[]): number {
  return sum(parts.map(part => part.length))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
