import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { MillraceError } from '../errors.ts'
import type { EncodedGroup } from './encodeRowGroup.ts'
import {
  groupBytes,
  keyValues,
  MAGIC,
  moveRowGroup,
  parseFooter,
  parseGroup,
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

export interface GroupedLayout {
  rows: number
  /** Bytes. */
  length: number
  entries: GroupEntry[]
}

/** What keeps its bytes from being known, the encoding of a row group for example, is thrown by both. */
export interface GroupedFile {
  /** The bytes from the start, in pieces of at most 1 MiB, each as soon as it is known; can be asked for again. */
  content: () => AsyncIterable<Uint8Array>
  /** Resolves when all is known. */
  layout: () => Promise<GroupedLayout>
}

/** Holds encoded row groups in a local file until they can be put in order under one footer. */
export interface GroupSpool {
  /** Its columns are those of the spool's `empty` file. */
  add(group: EncodedGroup): Promise<void>
  /** Of which something was added: ascending, null last. */
  keys(): (number | null)[]
  /**
   * One file of all that was added.
   * @param complete The keys in the order of keys(), each once nothing will be added to it any more.
   * @param describe Gives the file's key-value metadata, once all are complete.
   */
  assemble(
    complete: AsyncIterator<number | null>,
    describe: (layout: Omit<GroupedLayout, 'length'>) => Map<string, string>,
  ): GroupedFile
  dispose(): Promise<void>
}

/** Its metadata stays as bytes: the tree of a hundred columns takes 150 kB. */
interface SpooledGroup extends Pick<EncodedGroup, 'rows' | 'meta' | 'chunkLengths'> {
  /** Where in the spool the body begins: head chunks, then tail chunks. */
  position: number
  headLength: number
  tailLength: number
}

const PIECE_BYTES = 1 << 20

/**
 * @param empty A Parquet file of 0 rows with the schema of all that will be added.
 * @param isTail The columns whose chunks come last in each key's range, so that in a file cut from it they stand right
 *   before the footer and one read of its end gives both.
 */
export async function openGroupSpool(path: string, empty: Uint8Array, isTail: readonly boolean[]): Promise<GroupSpool> {
  const head = parseFooter(empty)
  const spooled = new Map<number | null, SpooledGroup[]>()
  const file = await open(path, 'w+')
  let end = 0
  let queue = Promise.resolve()
  /** Fails for good: what comes after a key that is not known cannot be known. */
  let placing: Promise<void> | undefined

  const add = async ({ key, rows, meta, body, chunkLengths }: EncodedGroup) => {
    let start = 0
    const chunks = chunkLengths.map(length => {
      start += length
      return body.subarray(start - length, start)
    })
    const heads = chunks.filter((_, column) => !isTail[column])
    const tails = chunks.filter((_, column) => isTail[column])
    const position = end
    const [headLength, tailLength] = [totalLength(heads), totalLength(tails)]
    end += body.length
    queue = queue.then(() => writeAll(file, [...heads, ...tails], position))
    await queue
    const group = { rows, meta, chunkLengths, position, headLength, tailLength }
    spooled.set(key, [...(spooled.get(key) ?? []), group])
  }

  const entryOf = async (key: number | null, firstGroup: number, offset: number): Promise<GroupEntry> => {
    const parts = spooled.get(key)!
    const digest = createHash('sha256')
    for await (const piece of rangeOf(file, parts)) digest.update(piece)
    return {
      key,
      firstGroup,
      groups: parts.length,
      offset,
      length: sum(parts.map(part => part.headLength + part.tailLength)),
      tailOffset: offset + sum(parts.map(part => part.headLength)),
      rows: sum(parts.map(part => part.rows)),
      sha256: digest.digest('hex'),
    }
  }

  const assemble: GroupSpool['assemble'] = (complete, describe) => {
    const entries: GroupEntry[] = []
    const groups: Uint8Array[] = []
    let end = MAGIC.length
    let sealed: Uint8Array | undefined
    const rows = () => sum(entries.map(entry => entry.rows))

    const place = async () => {
      const { done, value: key } = await complete.next()
      if (done) {
        const metadata = new Map([...keyValues(head), ...describe({ rows: rows(), entries })])
        sealed = sealFooter(withContent(head, groups, metadata, rows()))
        return
      }
      const entry = await entryOf(key, groups.length, end)
      groups.push(...placed(spooled.get(key)!, entry, isTail))
      entries.push(entry)
      end += entry.length
    }
    /** The next key, or the footer after the last one; the same for all who wait. */
    const placeNext = () => {
      placing ??= place().then(() => {
        placing = undefined
      })
      return placing
    }
    return {
      async *content() {
        yield MAGIC
        for (let next = 0; ; next++) {
          while (next === entries.length && !sealed) await placeNext()
          if (next === entries.length) break
          yield* rangeOf(file, spooled.get(entries[next]!.key)!)
        }
        yield sealed!
      },
      async layout() {
        while (!sealed) await placeNext()
        return { rows: rows(), length: end + sealed.length, entries }
      },
    }
  }

  return {
    add,
    keys: () => [...spooled.keys()].sort((left, right) => rankOf(left) - rankOf(right)),
    assemble,
    async dispose() {
      await placing?.catch(() => {})
      await file.close()
      await rm(path, { force: true })
    },
  }
}

/** Where a key stands among others in the file: null after all. */
export function rankOf(key: number | null): number {
  return key ?? Number.MAX_VALUE
}

/** The row groups of one key at their places: all heads in order, then all tails in order. */
function placed(
  parts: readonly SpooledGroup[],
  { offset, tailOffset, firstGroup }: GroupEntry,
  isTail: readonly boolean[],
): Uint8Array[] {
  let [headAt, tailAt] = [offset, tailOffset]
  return parts.map(({ meta, chunkLengths }, index) => {
    const offsets = chunkLengths.map((length, column) => {
      if (isTail[column]) {
        tailAt += length
        return tailAt - length
      }
      headAt += length
      return headAt - length
    })
    return groupBytes(moveRowGroup(parseGroup(meta), offsets, firstGroup + index))
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
