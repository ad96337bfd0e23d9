import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib'
import { MillraceError } from '../../errors.ts'
import { CHUNK_BYTES, type Chunk, type Encoding } from './chunk.ts'
import type { Seal } from './seal.ts'

const compress = { gzip: promisify(gzip), zstd: promisify(zstdCompress) }
const decompress = { gzip: promisify(gunzip), zstd: promisify(zstdDecompress) }
/** The largest chunk taken from senders of other versions. */
const MOST_BYTES = Math.max(CHUNK_BYTES, 1024 * 1024)

export interface EncodedBytes {
  encoding: Encoding
  bytes: Uint8Array
}

/** What the compression makes of the bytes, or the bytes themselves where they would not become fewer. */
export async function encodeBytes(plain: Uint8Array, wanted: Encoding): Promise<EncodedBytes> {
  if (wanted === 'identity' || plain.length === 0) return { encoding: 'identity', bytes: plain }
  const bytes = await compress[wanted](plain)
  return bytes.length < plain.length ? { encoding: wanted, bytes } : { encoding: 'identity', bytes: plain }
}

/**
 * The plain bytes of a chunk: opened, then decompressed, in memory that a hostile record cannot make large.
 *
 * @param value Of the chunk's record.
 * @param seal Null for a receiver without a key.
 *
 * Errors: FORBIDDEN where the chunk is sealed and there is no key, or the other way round. DATA_LOST where its seal is not ours, where it does not decompress
 * or has more bytes than a chunk may have.
 */
export async function decodeContent(chunk: Chunk, value: Uint8Array | null, seal: Seal | null): Promise<Uint8Array> {
  const encoded = opened(chunk, value ?? new Uint8Array(), seal)
  const { encoding } = chunk
  try {
    const plain =
      encoding === 'identity' ? encoded : await decompress[encoding](encoded, { maxOutputLength: MOST_BYTES })
    if (plain.length <= MOST_BYTES) return plain
  } catch (cause) {
    throw unreadable(chunk, `to decompress with ${encoding}, but it does not`, cause)
  }
  throw unreadable(chunk, `to have at most ${MOST_BYTES} bytes, but it has more`)
}

function opened(chunk: Chunk, value: Uint8Array, seal: Seal | null): Uint8Array {
  if (chunk.encryption === 'none') {
    if (!seal) return value
    throw new MillraceError(
      'FORBIDDEN',
      `Expected sealed chunks only, because there is a key, but ${named(chunk)} is not sealed.`,
      { hint: 'Give its sender the key too, or start the receiver without one.' },
    )
  }
  if (seal) return seal.open(chunk, value)
  throw new MillraceError('FORBIDDEN', `Expected a key, because ${named(chunk)} is sealed, but there is none.`, {
    hint: "Set MILLRACE_FILES_KEY or MILLRACE_FILES_KEY_FILE to the sender's key.",
  })
}

function unreadable(chunk: Chunk, expected: string, cause?: unknown): MillraceError {
  return new MillraceError('DATA_LOST', `Expected ${named(chunk)} ${expected}.`, { cause })
}

function named({ file, block, index }: Chunk): string {
  return `chunk ${index} of block ${block} of ${JSON.stringify(file)}`
}
