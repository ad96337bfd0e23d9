import { asError, codeOf, type ErrorCode } from '../../errors.ts'
import type { Acknowledgment } from '../wire/acknowledgment.ts'
import type { TransferPhase, TransferStatus } from '../wire/status.ts'
import type { FoundFile } from './scanFolder.ts'
import { blockPlace, type Transfer, transferOf } from './transfer.ts'

/** One file on its way out: which of its blocks are sent, and what became of them. */
export interface Outgoing {
  readonly found: FoundFile
  readonly transfer: Transfer
  /** Of the whole file; undefined until it was read. */
  fileSha256(): string | undefined
  noteFileSha256(digest: string): void
  /** False for one that is on its way, in the log, with a receiver, or given up. */
  isToSend(block: number): boolean
  /** Begins an attempt to send this block, and names it. */
  begin(block: number): string
  /** The log has all of it. */
  noteSent(block: number): void
  /** Bytes of a block that is not whole yet. */
  noteBytes(bytes: number): void
  /** Takes what a receiver says; true where the block is to be sent again. */
  take(acknowledgment: Acknowledgment): boolean
  /** The file cannot be sent. */
  fail(error: unknown): void
  /** Whether nothing more is expected: each block is processed or failed, or the file is. */
  isSettled(): boolean
  counts(): OutgoingCounts
  status(): TransferStatus
}

export interface OutgoingCounts {
  /** Sent by this run; a block that was sent again counts each time. */
  sends: number
  /** In the log, or acknowledged before this run. */
  sentBlocks: number
  /** With those of a block that is on its way. */
  sentBytes: number
  acknowledgedBlocks: number
  failedBlocks: number
  problem: { code: ErrorCode; message: string } | null
}

const TO_SEND = 0
const BEGUN = 1
const PROCESSED = 2
const FAILED = 3
const STATE = 0b11
const COUNTED = 0b100
const ATTEMPT = 0b1000
const MOST_MESSAGE_CHARACTERS = 500

/**
 * @param runId Makes the attempts of this run others than those of any run before.
 * @param mostResends So often a block is sent again in one run.
 */
export function createOutgoing(
  found: FoundFile,
  { blockBytes, runId, mostResends }: { blockBytes: number; runId: string; mostResends: number },
): Outgoing {
  const transfer = transferOf(found.name, found.identity, blockBytes)
  const { totalBlocks } = transfer
  /** Of each block its state, whether it is counted as sent and, above, how often this run has begun to send it. */
  const blocks = new Uint8Array(totalBlocks)
  let sends = 0
  let sentBlocks = 0
  let sentBytes = 0
  let partialBytes = 0
  let processed = 0
  let failed = 0
  let fileSha256: string | undefined
  let problem: OutgoingCounts['problem'] = null
  let message: string | undefined

  const stateOf = (block: number) => blocks[block]! & STATE
  const attemptsOf = (block: number) => Math.floor(blocks[block]! / ATTEMPT)
  const sendId = (block: number) => `${runId}-${attemptsOf(block)}`

  function change(block: number, state: number): void {
    const before = stateOf(block)
    processed += Number(state === PROCESSED) - Number(before === PROCESSED)
    failed += Number(state === FAILED) - Number(before === FAILED)
    blocks[block] = (blocks[block]! & ~STATE) | state
  }

  /** Once for each block: one that is asked for again counts on. */
  function countSent(block: number): void {
    if ((blocks[block]! & COUNTED) !== 0) return
    blocks[block] = blocks[block]! | COUNTED
    sentBlocks += 1
    sentBytes += blockPlace(transfer, block).bytes
  }

  function phase(): TransferPhase {
    if (problem) return 'failed'
    if (processed === totalBlocks) return 'complete'
    if (failed > 0 && processed + failed === totalBlocks) return 'failed'
    return sentBlocks === totalBlocks ? 'waiting' : 'sending'
  }

  return {
    found,
    transfer,
    fileSha256: () => fileSha256,
    noteFileSha256(digest) {
      fileSha256 = digest
    },
    isToSend: block => stateOf(block) === TO_SEND,
    begin(block) {
      blocks[block] = blocks[block]! + ATTEMPT
      change(block, BEGUN)
      return sendId(block)
    },
    noteSent(block) {
      countSent(block)
      partialBytes = 0
      sends += 1
    },
    noteBytes(bytes) {
      partialBytes += bytes
    },
    take({ block, totalBlocks: blocksThere, outcome, machine, reason, sendId: answered }) {
      if (block >= totalBlocks || blocksThere !== totalBlocks || stateOf(block) === PROCESSED) return false
      if (outcome === 'processed') {
        countSent(block)
        change(block, PROCESSED)
        return false
      }
      if (stateOf(block) !== BEGUN || answered !== sendId(block)) return false
      const isLast = outcome === 'failed' || attemptsOf(block) > mostResends
      message = `block ${block} on ${machine}: ${reason ?? outcome}`
      change(block, isLast ? FAILED : TO_SEND)
      return !isLast
    },
    fail(error) {
      problem = { code: codeOf(error), message: asError(error).message }
    },
    isSettled: () => problem !== null || processed + failed === totalBlocks,
    counts: () => ({
      sends,
      sentBlocks,
      sentBytes: Math.min(transfer.bytes, sentBytes + partialBytes),
      acknowledgedBlocks: processed,
      failedBlocks: failed,
      problem,
    }),
    status() {
      const { transferId, file, bytes } = transfer
      const said = problem?.message ?? (processed === totalBlocks ? undefined : message)
      return {
        transferId,
        file,
        bytes,
        totalBlocks,
        sentBlocks,
        sentBytes,
        ...(fileSha256 !== undefined && { fileSha256 }),
        state: phase(),
        ...(said !== undefined && { message: said.slice(0, MOST_MESSAGE_CHARACTERS) }),
      }
    },
  }
}
