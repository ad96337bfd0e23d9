import type { Job } from '../jobs/job.ts'
import type { MachineRole } from './wire/status.ts'

/**
 * The files domain: large files across machines through the log, in blocks that are checked and acknowledged. What resolvers and
 * commands may ask of it. createFiles() builds it.
 *
 * Errors of all that ask: UNAVAILABLE where the log does not answer, FORBIDDEN where it does not let us read, BAD_USER_INPUT for a name that no file
 * can have.
 */
export interface Files {
  /** Those that changed last come first. */
  transfers(question: TransfersQuestion): Promise<FileTransfer[]>

  /** The newest transfer of a file of this name; null where the log knows none. */
  transfer(file: string): Promise<FileTransfer | null>

  /** Those heard of last come first. */
  machines(): Promise<Machine[]>

  /**
   * Starts sending the files below a folder of this machine and returns the job. FORBIDDEN for a folder that is not below the root of
   * what may be sent, NOT_FOUND for one that is not there, CONFLICT while a job sends.
   */
  send(folder: string, options: SendOptions): Promise<Job>

  /**
   * Transfers as they are now, then as they change, whichever process changes them; a slow reader gets each as it is by then. With a file: its
   * newest transfer, until that has ended. Without: those under way at first, then all that change, without an end. return() frees it.
   */
  watchTransfers(file: string | undefined): AsyncIterableIterator<FileTransfer>
}

export interface TransfersQuestion {
  /** At most this many. */
  first: number
  state?: TransferState | undefined
}

export interface SendOptions {
  /** Whether the job goes on until every block is acknowledged, and fails where one has failed. */
  acknowledged: boolean
}

/**
 * SENDING: blocks are still to be sent. WAITING: all are sent, and some not acknowledged yet. COMPLETE: all are acknowledged.
 * FAILED: the file could not be sent, or every block that is not acknowledged was given up.
 */
export const TRANSFER_STATES = ['SENDING', 'WAITING', 'COMPLETE', 'FAILED'] as const
export type TransferState = (typeof TRANSFER_STATES)[number]

/** What the log says of one file on its way. Instants are the log's. */
export interface FileTransfer {
  /** Another where the file has changed. */
  transferId: string
  /** Relative to the folder that was sent, with slashes. */
  file: string
  /** Of the file. */
  bytes: number
  blocks: number
  /** Blocks that the log has whole, from this run of the sender or an earlier one. */
  sent: number
  /** Blocks that a machine has stored, checked and processed; each counts once. */
  acknowledged: number
  /** Blocks that were given up, and not acknowledged since. */
  failed: number
  /** How often a block was asked for again, because it was damaged or incomplete. */
  askedAgain: number
  sentBytes: number
  acknowledgedBytes: number
  /** Of the sending while SENDING, of the acknowledging while WAITING, of all of it once COMPLETE; null where it is not known. */
  bytesPerSecond: number | null
  /** Until all is acknowledged at this speed; 0 at the end, null where there is nothing to estimate from. */
  etaSeconds: number | null
  state: TransferState
  /** What went wrong last; null where nothing did, or all is well in the end. */
  message: string | null
  /** SHA-256 of the file in hexadecimal; null until the sender has read all of it. */
  sha256: string | null
  /** Where its blocks were processed or given up, ascending. */
  machines: string[]
  startedAt: Date
  updatedAt: Date
}

export const MACHINE_STATES = ['STARTING', 'BUSY', 'IDLE', 'PAUSED', 'STOPPED'] as const
export type MachineState = (typeof MACHINE_STATES)[number]

/** A sender or a receiver, as the log knows it; a machine that is both is there twice. Instants are the log's, not the machine's. */
export interface Machine {
  id: string
  role: MachineRole
  /** What it said last. */
  state: MachineState
  /** When the last record from it came into the log. */
  lastSeen: Date
  /** Heard of within the last 15 seconds, and not stopped. */
  alive: boolean
  /** Of a receiver: blocks that it acknowledged as processed. Of a sender: blocks sent. */
  blocksProcessed: number
  bytesProcessed: number
  /** Of a receiver: blocks given up or asked for again. Of a sender: what it counts as failed. */
  failures: number
  /** Null where it is not known, or the machine is not alive. */
  bytesPerSecond: number | null
  /** What keeps it from its work; null where nothing does. */
  trouble: string | null
}
