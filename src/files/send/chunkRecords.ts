import type { OutgoingRecord } from '../../datasources/log.ts'
import { CHUNK_BYTES, type Chunk, chunkHeaders, type Encoding } from '../wire/chunk.ts'
import { encodeBytes } from '../wire/content.ts'
import type { Seal } from '../wire/seal.ts'
import { blockKey } from '../wire/topics.ts'
import type { BlockDigest } from './digest.ts'
import type { OpenFile } from './openFile.ts'
import { blockPlace, type Transfer } from './transfer.ts'

export interface BlockToSend {
  transfer: Transfer
  block: number
  sendId: string
  file: OpenFile
  digest: BlockDigest
  /** Of the file; asked for when the block is its last and all of that was read. */
  fileSha256: () => string
}

export interface ChunkStyle {
  machine: string
  encoding: Encoding
  seal: Seal | null
  nowMillis: () => number
  buffers: Buffers
}

export interface ChunkRecord {
  record: OutgoingRecord
  /** Of the file. */
  bytes: number
  isLast: boolean
  /** Call it when the log has the record: its memory is used for others then. */
  release: () => void
}

/** Memory for chunks, which is taken again and again: giving megabytes back to the system costs more than sending them. */
export interface Buffers {
  take(bytes: number): Buffer
  give(buffer: Buffer): void
}

/** @param most So many are kept. */
export function createBuffers(most: number): Buffers {
  const free: Buffer[] = []
  return {
    take: bytes => (bytes === CHUNK_BYTES && free.pop()) || Buffer.allocUnsafeSlow(bytes),
    give(buffer) {
      if (buffer.length === CHUNK_BYTES && free.length < most) free.push(buffer)
    },
  }
}

/**
 * The records of one block, in order, read from the file one after the other. The file is looked at once more before the last, without which nobody
 * takes the block: CONFLICT where it has changed.
 */
export async function* chunkRecords(
  { transfer, block, sendId, file, digest, fileSha256 }: BlockToSend,
  { machine, encoding, seal, nowMillis, buffers }: ChunkStyle,
): AsyncGenerator<ChunkRecord, void, undefined> {
  const place = blockPlace(transfer, block)
  const key = blockKey(transfer.transferId, block)
  const count = Math.max(1, Math.ceil(place.bytes / CHUNK_BYTES))
  for (let index = 0; index < count; index++) {
    const offset = index * CHUNK_BYTES
    const isLast = index === count - 1
    const plain = buffers.take(Math.min(CHUNK_BYTES, place.bytes - offset))
    await file.read(plain, place.offset + offset)
    digest.update(plain)
    if (isLast) await file.checkUnchanged()
    const encoded = await encodeBytes(plain, encoding)
    const chunk: Chunk = {
      transferId: transfer.transferId,
      file: transfer.file,
      fileBytes: transfer.bytes,
      totalBlocks: transfer.totalBlocks,
      block,
      blockOffset: place.offset,
      blockBytes: place.bytes,
      index,
      count,
      offset,
      sendId,
      machine,
      sentAt: new Date(nowMillis()).toISOString(),
      encoding: encoded.encoding,
      encryption: seal ? 'aes-256-gcm' : 'none',
      ...(isLast && { blockSha256: digest.end() }),
      ...(isLast && block === transfer.totalBlocks - 1 && { fileSha256: fileSha256() }),
    }
    const value = seal ? seal.close(chunk, encoded.bytes) : encoded.bytes
    yield {
      record: { key, value, headers: chunkHeaders(chunk) },
      bytes: plain.length,
      isLast,
      release: () => buffers.give(plain),
    }
  }
}
