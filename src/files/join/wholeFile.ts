import { createHash } from 'node:crypto'
import { MillraceError } from '../../errors.ts'
import type { BlockMetadata } from '../receive/blockMetadata.ts'

/** One stored block. */
export interface BlockPart {
  metadata: BlockMetadata
  /** Where it lies, for messages. */
  place: string
  /** Its bytes, in order. */
  read(): AsyncIterable<Uint8Array>
}

/** Says which block it is, so that a copy of it can be tried. */
export class DamagedBlock extends MillraceError {
  readonly part: BlockPart

  constructor(part: BlockPart, found: string) {
    super('DATA_LOST', `Expected the bytes of ${part.place} to be those of its digest, but ${found}.`, {
      hint: 'Remove the block with its metadata and have the file sent again.',
    })
    this.part = part
  }
}

/**
 * The bytes of a file from all its blocks, in order; each block's digest and the file's are checked on the way. DamagedBlock where a block is not
 * what it was, DATA_LOST where the blocks make no file or another one: nobody may use what came before.
 */
export async function* wholeFile(parts: readonly BlockPart[]): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, fileBytes, fileSha256 } = parts.at(-1)!.metadata
  const fileHash = createHash('sha256')
  // The digest of a file of one block is the block's.
  const isOne = parts.length === 1
  let offset = 0
  for (const part of parts) {
    const { blockOffset, blockBytes, sha256 } = part.metadata
    if (blockOffset !== offset) throw notTheFile(file, `a block begins at byte ${blockOffset}, not at ${offset}`)
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of part.read()) {
      bytes += chunk.length
      if (bytes > blockBytes) throw new DamagedBlock(part, `there are more than its ${blockBytes} bytes`)
      hash.update(chunk)
      if (!isOne) fileHash.update(chunk)
      yield chunk
    }
    if (bytes !== blockBytes) throw new DamagedBlock(part, `there are ${bytes} of its ${blockBytes} bytes`)
    const found = hash.digest('hex')
    if (found !== sha256) throw new DamagedBlock(part, 'they are not')
    if (isOne && fileSha256 !== found) throw notTheFile(file, 'its digest is another')
    offset += bytes
  }
  if (offset !== fileBytes) throw notTheFile(file, `${offset} of its ${fileBytes} bytes are there`)
  if (!isOne && fileHash.digest('hex') !== fileSha256) throw notTheFile(file, 'its digest is another')
}

/** "0, 3-5 and 9" of numbers that ascend. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last && last[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  const shown = ranges.slice(0, MOST_RANGES).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
  const rest = ranges.length - shown.length
  return rest > 0 ? `${shown.join(', ')} and ${rest} more ranges` : shown.join(', ')
}

const MOST_RANGES = 20

function notTheFile(file: string, found: string): MillraceError {
  return new MillraceError('DATA_LOST', `Expected the blocks of ${JSON.stringify(file)} to make it, but ${found}.`, {
    hint: 'It may have changed while it was sent: send it again.',
  })
}
