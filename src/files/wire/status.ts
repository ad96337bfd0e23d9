import { z } from 'zod'
import type { OutgoingRecord } from '../../datasources/log.ts'
import type { Unreadable } from './chunk.ts'
import { decodeJson, encodeJson } from './jsonRecord.ts'

export const MACHINE_ROLES = ['sender', 'receiver'] as const
export type MachineRole = (typeof MACHINE_ROLES)[number]
export const MACHINE_STATES = ['starting', 'busy', 'idle', 'paused', 'stopped'] as const
export type MachineState = (typeof MACHINE_STATES)[number]
export const TRANSFER_PHASES = ['sending', 'waiting', 'complete', 'failed'] as const
export type TransferPhase = (typeof TRANSFER_PHASES)[number]

/** How often a busy machine reports. */
export const BUSY_REPORT_MILLIS = 1_000
/** How often an idle one does, so that silence means something. */
export const IDLE_REPORT_MILLIS = 5_000
/** A machine that was not heard of for so long, by the log's timestamps, is not alive. */
export const ALIVE_MILLIS = 15_000
/** Transfers of one record, at most; the others follow in the next. */
export const MOST_TRANSFERS = 100

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

const transferStatus = z.object({
  transferId: z.string().regex(/^[0-9a-f]{32}$/),
  file: z.string().min(1).max(4_096),
  bytes: count,
  totalBlocks: count.min(1),
  /** Blocks that the log has whole, of this run or, where they are acknowledged, of an earlier one. */
  sentBlocks: count,
  sentBytes: count,
  fileSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  state: z.enum(TRANSFER_PHASES),
  message: z.string().max(4_096).optional(),
})

const machineStatus = z.object({
  version: z.literal(1),
  machine: z.string().min(1).max(64),
  role: z.enum(MACHINE_ROLES),
  state: z.enum(MACHINE_STATES),
  at: z.iso.datetime(),
  /** Since the machine began: sent by a sender, processed by a receiver. */
  blocksProcessed: count,
  bytesProcessed: count,
  failures: count,
  /** What it waits for, or what is wrong with it. */
  trouble: z.string().max(4_096).optional(),
  /** Those of a sender that changed since its last record. */
  transfers: z.array(transferStatus).max(MOST_TRANSFERS).optional(),
})

/** How far a sender is with one file. */
export type TransferStatus = z.output<typeof transferStatus>
/** What a machine says of itself. */
export type MachineStatus = z.output<typeof machineStatus>

/** The machine is the key, so that each one's records are in order. */
export function statusRecord(value: MachineStatus): OutgoingRecord {
  return { key: Buffer.from(value.machine), value: encodeJson(value) }
}

/** The status in a record's value, or why there is none. Never throws. */
export function decodeStatus(value: Uint8Array | null): MachineStatus | Unreadable {
  return decodeJson(machineStatus, value)
}
