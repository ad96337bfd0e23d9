import type { Clock } from '../../datasources/clock.ts'
import type { Log } from '../../datasources/log.ts'
import type { Storage } from '../../datasources/storage.ts'
import { START_PATIENCE_MILLIS } from '../makeTopics.ts'
import type { Seal } from '../wire/seal.ts'
import type { FileTopics } from '../wire/topics.ts'
import type { OpenBlockFile } from './assembly.ts'
import type { BlockMetadata } from './blockMetadata.ts'

/**
 * Takes blocks from the log, as one of a group of machines that share them: assembles each on the disk, checks its digest, has it processed, stores it,
 * acknowledges it, and only then commits. Whatever ends it in between, another machine does the block anew; what is repeated is recognised by its digest.
 *
 * One block is processed at a time, while the next is assembled. Memory holds some chunks, whatever the blocks' sizes.
 */
export interface Receiver {
  /**
   * Until the signal is aborted, or `maxBlocks` are processed. A log that stops to answer, and a disk that is full, are waited for; the state says so.
   * Run it once.
   *
   * Errors, beside those of Log: BAD_USER_INPUT for a processor that is none; FORBIDDEN for an output folder that cannot be written, also
   * where that is noticed at a block, which is neither acknowledged nor committed; CONFLICT where another receiver of the same name uses it. UNAVAILABLE only where the log does not answer at the start.
   */
  run(signal: AbortSignal): Promise<void>
  state(): ReceiverState
}

export interface ReceiverState {
  phase: 'starting' | 'running' | 'stopped'
  /** The partitions that are this machine's now. */
  partitions: readonly number[]
  /** Blocks that are being assembled or processed. */
  openBlocks: number
  /** Since the start, in new work; blocks that were there already are `repeated`. */
  processedBlocks: number
  processedBytes: number
  repeatedBlocks: number
  failedBlocks: number
  /** How often a block was asked for again. */
  askedAgain: number
  /** What it waits for, in half a sentence; null while all is well. */
  trouble: string | null
  /** What a person should know although the receiver goes on. */
  warnings: readonly string[]
}

export interface ReceiverOptions {
  /** What it needs of a log. */
  log: Pick<Log, 'createTopic' | 'group' | 'producer'>
  topics: FileTopics
  /** What this machine calls itself: up to 64 letters, digits, ".", "_" and "-". */
  machine: string
  /** Machines of one group share the blocks. */
  groupId: string
  /** Absolute. Blocks go to `processed_data_<machine>` in it. */
  output: string
  /** Null: no chunk is sealed, and none may be. */
  seal: Seal | null
  /** A module that works on each block; null for none. */
  processor: string | null
  /** Puts blocks together as files there, rather than in the machine's own folder. */
  sink?: { storage: Storage; folder: string }
  settings?: Partial<ReceiverSettings>
  /** A block was processed and stored, and is acknowledged. */
  onBlock?: (metadata: BlockMetadata) => void
  onStep?: (step: ReceiverStep) => void | Promise<void>
  clock?: Clock
  /** For tests whose disk is full. */
  openFile?: OpenBlockFile
}

/** Where a block can be when its receiver dies. Tests end the process at each. */
export const RECEIVER_STEPS = [
  'chunk written',
  'assembled',
  'processed',
  'stored',
  'confirmed',
  'acknowledged',
  'committed',
] as const
export type ReceiverStep = (typeof RECEIVER_STEPS)[number]

export interface ReceiverSettings {
  /** Of topics that have to be made; null for three, or as many brokers as there are. */
  replication: number | null
  /** Ends after so many blocks of new work; null for never. */
  maxBlocks: number | null
  /** Puts the blocks of a file together as soon as all are in this machine's folder, in `joined_data_<machine>` beside it; not with a sink. */
  keepJoined: boolean
  /** A log that does not answer for so long at the start ends the receiver. */
  startPatienceMillis: number
  /** A member that is silent for so long loses its partitions. */
  sessionTimeoutMillis: number
  /** Bytes of records asked for at once, of each partition. */
  fetchBytes: number
  /** How long the group is asked for something to do before the receiver looks after itself. */
  waitMillis: number
  /** Blocks of one partition that are assembled side by side, at most; then the one that waits longest is given up and asked for again. */
  mostOpenBlocks: number
  /** A block whose next chunk has not come for so long is given up and asked for again. */
  giveUpMillis: number
  /** So often a block is asked for again; then it has failed. */
  mostAgain: number
  /** So often the processor is tried with a block. */
  processAttempts: number
  /** For one block. */
  processMillis: number
  /** Between attempts of the processor, and while something does not answer: at first, then doubling up to the most. */
  firstPauseMillis: number
  mostPauseMillis: number
  /** After stop: how long a block may take to be finished before it is left to another machine. */
  closeMillis: number
}

export const RECEIVER_DEFAULTS: ReceiverSettings = {
  replication: null,
  maxBlocks: null,
  keepJoined: false,
  startPatienceMillis: START_PATIENCE_MILLIS,
  sessionTimeoutMillis: 6_000,
  fetchBytes: 4 * 1024 * 1024,
  waitMillis: 500,
  mostOpenBlocks: 64,
  giveUpMillis: 10 * 60_000,
  mostAgain: 3,
  processAttempts: 3,
  processMillis: 300_000,
  firstPauseMillis: 200,
  mostPauseMillis: 3_000,
  closeMillis: 10_000,
}
