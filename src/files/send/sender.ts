import type { Clock } from '../../datasources/clock.ts'
import type { Log } from '../../datasources/log.ts'
import type { ErrorCode } from '../../errors.ts'
import { START_PATIENCE_MILLIS } from '../makeTopics.ts'
import type { Encoding } from '../wire/chunk.ts'
import type { Seal } from '../wire/seal.ts'
import type { FileTopics } from '../wire/topics.ts'
import type { LeftOut } from './scanFolder.ts'

/**
 * Sends the files below a folder, in blocks, each as chunks in one partition of the log. A sender keeps nothing: which blocks are acknowledged it reads
 * from the log at the start, and those it does not send again.
 *
 * Memory is bounded by the chunks on their way, whatever the files' sizes, and some 300 bytes for each file.
 */
export interface Sender {
  /**
   * Resolves when the log has every block (or, with `wait`, when each is acknowledged or failed), also where some files could not be sent: the result
   * tells. Run it once. A log that stops to answer is waited for, up to `patienceMillis`.
   *
   * Errors, beside those of Log: NOT_FOUND, FORBIDDEN and BAD_USER_INPUT for the folder itself; the signal's reason when it is aborted.
   */
  run(signal: AbortSignal): Promise<SendResult>
  state(): SenderState
}

export interface SenderState {
  phase: 'starting' | 'sending' | 'waiting' | 'stopped'
  files: number
  failedFiles: number
  /** Of all files. */
  bytes: number
  /** In the log, or acknowledged before this run; those of failed files too, as far as they came. */
  sentBytes: number
  /** Of them those that were acknowledged before this run. */
  resumedBytes: number
  blocks: number
  sentBlocks: number
  acknowledgedBlocks: number
  failedBlocks: number
  /** What it waits for, in half a sentence; null while all is well. */
  trouble: string | null
  /** What is not as it should be and keeps nothing from being sent. */
  warnings: readonly string[]
}

export interface SendResult {
  files: SentFile[]
  leftOut: LeftOut[]
}

export interface SentFile {
  transferId: string
  file: string
  bytes: number
  blocks: number
  /** Of the whole file; null where nothing asked for it, because its last block was acknowledged before. */
  sha256: string | null
  /** Blocks that this run sent; one that was sent again counts each time. */
  sends: number
  /** As far as the log said so when the run ended. */
  acknowledgedBlocks: number
  failedBlocks: number
  /** Why the file could not be sent, or why a block failed. */
  problem: { code: ErrorCode; message: string } | null
}

/** What a sender needs of a log. */
export type SenderLog = Pick<Log, 'createTopic' | 'partitions' | 'offsets' | 'fetch' | 'producer'>

/** Where a crash test can end the process. */
export type SenderStep = 'topics made' | 'resumed' | 'chunk put' | 'block put' | 'file put' | 'all sent'

export interface SenderSettings {
  blockBytes: number
  encoding: Encoding
  /** Of topics that have to be made; null for three, or as many brokers as there are. */
  replication: number | null
  /** Until each block is acknowledged or has failed. */
  wait: boolean
  /** So often a block is sent again in one run, where a receiver asks for it; at most 30. */
  mostResends: number
  /** A log that does not answer for so long at the start fails the run. */
  startPatienceMillis: number
  /** A log that has not answered for so long later fails the run, which can be repeated. */
  patienceMillis: number
  firstPauseMillis: number
  mostPauseMillis: number
  /** How often acknowledgments are looked for. */
  lookMillis: number
  /** Chunks wait up to so many bytes, and as many are on their way. */
  windowBytes: number
  mostFiles: number
  /** Of all files together. */
  mostBlocks: number
}

export const SENDER_DEFAULTS: SenderSettings = {
  blockBytes: 128 * 1024 * 1024,
  encoding: 'identity',
  replication: null,
  wait: false,
  mostResends: 3,
  startPatienceMillis: START_PATIENCE_MILLIS,
  patienceMillis: 600_000,
  firstPauseMillis: 200,
  mostPauseMillis: 5_000,
  lookMillis: 250,
  windowBytes: 2 * 1024 * 1024,
  mostFiles: 200_000,
  mostBlocks: 20_000_000,
}

export interface SenderOptions {
  log: SenderLog
  /** Absolute. */
  folder: string
  /** What this machine calls itself. */
  machine: string
  topics: FileTopics
  /** Null: chunks are not encrypted. */
  seal: Seal | null
  settings?: Partial<SenderSettings>
  clock?: Clock
  onStep?: (step: SenderStep) => void | Promise<void>
}
