import { z } from 'zod'
import type { OutgoingRecord } from '../../datasources/log.ts'
import type { Unreadable } from './chunk.ts'
import { decodeJson, encodeJson } from './jsonRecord.ts'
import { blockKey } from './topics.ts'

/**
 * processed: the block is on a disk, checked, and its processing has succeeded. again: its bytes are not what its digest says, or
 * some are missing; the sender sends it again. failed: it will not be tried any more; a later run of the sender sends it anew.
 */
export const OUTCOMES = ['processed', 'failed', 'again'] as const
export type Outcome = (typeof OUTCOMES)[number]

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Fields that a later version adds are left aside; another version is another record. */
const acknowledgment = z.object({
  version: z.literal(1),
  transferId: z.string().regex(/^[0-9a-f]{32}$/),
  file: z.string().min(1).max(4_096),
  block: count,
  totalBlocks: count.min(1),
  /** Of the block. */
  bytes: count,
  /** Of the bytes that came, in hexadecimal; null where they did not come whole. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** The receiver. */
  machine: z.string().min(1).max(64),
  outcome: z.enum(OUTCOMES),
  /** The attempt of the sender that this answers: "again" and "failed" concern no other. */
  sendId: z.string().min(1).max(64),
  /** How often the receiver has tried to process the block. */
  attempts: count,
  reason: z.string().max(4_096).optional(),
  at: z.iso.datetime(),
})

/** What became of one block, from one receiver. */
export type Acknowledgment = z.output<typeof acknowledgment>

export function acknowledgmentRecord(value: Acknowledgment): OutgoingRecord {
  return { key: blockKey(value.transferId, value.block), value: encodeJson(value) }
}

/** The acknowledgment in a record's value, or why there is none. Never throws. */
export function decodeAcknowledgment(value: Uint8Array | null): Acknowledgment | Unreadable {
  return decodeJson(acknowledgment, value)
}
