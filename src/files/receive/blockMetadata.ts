import { z } from 'zod'
import type { Chunk } from '../wire/chunk.ts'

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const digest = z.string().regex(/^[0-9a-f]{64}$/)

/** What `block_0000_metadata.json` holds: what the sender said of the block, and who stored it when. */
export const blockMetadata = z.object({
  version: z.literal(1),
  transferId: z.string().regex(/^[0-9a-f]{32}$/),
  file: z.string().min(1),
  fileBytes: count,
  totalBlocks: count.min(1),
  block: count,
  blockOffset: count,
  blockBytes: count,
  /** Of the block; checked before it was stored. */
  sha256: digest,
  /** Of the file: null but in its last block. */
  fileSha256: digest.nullable(),
  chunks: count.min(1),
  sendId: z.string(),
  sender: z.string(),
  /** When the block's last chunk was sent. */
  sentAt: z.iso.datetime(),
  encryption: z.string(),
  /** The receiver. */
  machine: z.string(),
  /** When its first chunk came. */
  receivedAt: z.iso.datetime(),
  processedAt: z.iso.datetime(),
  /** How often the processor was tried. */
  attempts: count,
})

export type BlockMetadata = z.output<typeof blockMetadata>

export interface BlockHistory {
  machine: string
  receivedAtMillis: number
  processedAtMillis: number
  attempts: number
}

/** @param last The block's last chunk. */
export function metadataOf(last: Chunk, sha256: string, history: BlockHistory): BlockMetadata {
  return {
    version: 1,
    transferId: last.transferId,
    file: last.file,
    fileBytes: last.fileBytes,
    totalBlocks: last.totalBlocks,
    block: last.block,
    blockOffset: last.blockOffset,
    blockBytes: last.blockBytes,
    sha256,
    fileSha256: last.fileSha256 ?? null,
    chunks: last.count,
    sendId: last.sendId,
    sender: last.machine,
    sentAt: last.sentAt,
    encryption: last.encryption,
    machine: history.machine,
    receivedAt: new Date(history.receivedAtMillis).toISOString(),
    processedAt: new Date(history.processedAtMillis).toISOString(),
    attempts: history.attempts,
  }
}

export const METADATA_SUFFIX = '_metadata.json'
const LEAST_DIGITS = 4

/** "block_0012", with as many digits as the last block needs, so that names are in the order of the blocks. */
export function blockName({ block, totalBlocks }: { block: number; totalBlocks: number }): string {
  const digits = Math.max(LEAST_DIGITS, String(totalBlocks - 1).length)
  return `block_${String(block).padStart(digits, '0')}`
}
