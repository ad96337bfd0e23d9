import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasErrno } from '../../datasources/localErrors.ts'
import { MillraceError } from '../../errors.ts'
import { checkTransferName } from '../paths.ts'
import { type BlockMetadata, blockMetadata, blockName, METADATA_SUFFIX } from '../receive/blockMetadata.ts'
import type { BlockPart } from './wholeFile.ts'

/** One transfer of one file, as far as its blocks are in the folders. */
export interface FoundTransfer {
  transferId: string
  file: string
  bytes: number
  totalBlocks: number
  /** When the newest of its blocks was sent, in milliseconds since 1970. */
  sentAtMillis: number
  /** Copies of each block by its number; a block that two machines have has two. */
  copies: ReadonlyMap<number, readonly BlockPart[]>
  /** Numbers of blocks that are in none of the folders, ascending. */
  missing: readonly number[]
}

/** Of transfers with more blocks only so many missing ones are listed. */
const MOST_MISSING = 1_000_000
const READ_BYTES = 1024 * 1024
/** Longer than any of ours: what is longer is not ours. */
const MOST_METADATA_BYTES = 64 * 1024

/**
 * The transfers whose blocks are in the folders of machines, newest first.
 *
 * @param file Looks for this one alone.
 *
 * Errors: NOT_FOUND for a folder that is not there, FORBIDDEN where one cannot be read, BAD_USER_INPUT for a file in its place.
 */
export async function findBlocks(folders: readonly string[], file?: string): Promise<FoundTransfer[]> {
  if (file !== undefined) checkTransferName(file)
  const transfers = new Map<string, BlockPart[]>()
  for (const folder of folders) {
    for await (const part of blocksIn(folder, file)) {
      const { transferId } = part.metadata
      const parts = transfers.get(transferId) ?? []
      parts.push(part)
      transfers.set(transferId, parts)
    }
  }
  return [...transfers.values()].map(foundTransfer).sort((one, other) => other.sentAtMillis - one.sentAtMillis)
}

async function* blocksIn(folder: string, file: string | undefined): AsyncGenerator<BlockPart> {
  const top = file === undefined ? folder : join(folder, file)
  if (file !== undefined) await told(readdir(folder), folder)
  let names: string[]
  try {
    names = await readdir(top, { recursive: file === undefined })
  } catch (error) {
    // A machine need not have blocks of every file.
    if (file !== undefined && hasErrno(error, 'ENOENT')) return
    throw explained(error, top)
  }
  for (const name of names.sort()) {
    if (!name.endsWith(METADATA_SUFFIX)) continue
    const metadata = await readMetadata(join(top, name))
    if (!metadata || (file !== undefined && metadata.file !== file)) continue
    // Where a receiver puts it: what lies elsewhere was moved, and its bytes may be anything's.
    const place = join(folder, metadata.file, blockName(metadata))
    if (join(top, name) !== `${place}${METADATA_SUFFIX}`) continue
    const bytes = `${place}.bin`
    yield { metadata, place: bytes, read: () => readBlock(bytes) }
  }
}

/** Undefined for what is none of ours, or half-written. */
async function readMetadata(place: string): Promise<BlockMetadata | undefined> {
  const text = await told(readFile(place, 'utf8'), place)
  if (text.length > MOST_METADATA_BYTES) return undefined
  try {
    return blockMetadata.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

async function* readBlock(place: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(place, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>
  } catch (error) {
    // Without its bytes it is a damaged block, of which another machine may have a copy.
    if (!hasErrno(error, 'ENOENT')) throw explained(error, place)
  }
}

function foundTransfer(parts: BlockPart[]): FoundTransfer {
  const { transferId, file, fileBytes, totalBlocks } = parts[0]!.metadata
  const copies = new Map<number, BlockPart[]>()
  for (const part of parts) {
    const { block } = part.metadata
    copies.set(block, [...(copies.get(block) ?? []), part])
  }
  const missing: number[] = []
  for (let block = 0; block < totalBlocks && missing.length < MOST_MISSING; block += 1) {
    if (!copies.has(block)) missing.push(block)
  }
  const sentAtMillis = Math.max(...parts.map(({ metadata }) => Date.parse(metadata.sentAt)))
  return { transferId, file, bytes: fileBytes, totalBlocks, sentAtMillis, copies, missing }
}

async function told<T>(work: Promise<T>, place: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw explained(error, place)
  }
}

function explained(cause: unknown, place: string): unknown {
  if (hasErrno(cause, 'ENOENT')) {
    return new MillraceError('NOT_FOUND', `Expected a receiver's folder at ${place}, found nothing.`, {
      hint: 'It is the folder processed_data_<machine> that a receiver has made.',
      cause,
    })
  }
  if (hasErrno(cause, 'ENOTDIR')) {
    return new MillraceError('BAD_USER_INPUT', `Expected a receiver's folder at ${place}, found a file.`, { cause })
  }
  if (hasErrno(cause, 'EACCES', 'EPERM')) {
    return new MillraceError('FORBIDDEN', `Expected to read ${place}, but this user may not.`, {
      hint: 'Give the user who runs Millrace the right to read it.',
      cause,
    })
  }
  return cause
}
