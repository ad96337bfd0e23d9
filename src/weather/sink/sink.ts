import type { Clock } from '../../datasources/clock.ts'
import type { Log } from '../../datasources/log.ts'
import type { Storage } from '../../datasources/storage.ts'
import type { BatchCodec } from './batchCodec.ts'
import type { Decode } from './openBatch.ts'
import type { SinkSettings } from './settings.ts'
import type { OnSinkStep } from './steps.ts'
import type { WrittenBatch } from './writeBatch.ts'

/** Turns one partition of a log into files, each row exactly once. */
export interface Sink {
  /**
   * Takes the partition over, recovers, and goes on until the signal is aborted; then closes the open batch and resolves. What fails for want of an answer
   * is tried again for as long as that takes, and the state says so. CONFLICT once another owner took the partition over; FORBIDDEN. To be called once.
   */
  run(signal: AbortSignal): Promise<void>
  state(): SinkState
}

export interface SinkOptions {
  partition: number
  topic: string
  storage: Storage
  log: Log
  codec: BatchCodec
  decode: Decode
  /** What differs from sinkDefaults. */
  settings?: Partial<SinkSettings>
  /** Each batch as it becomes visible, in order; also one that another owner wrote, where this one found it in its place. */
  onBatch?: (written: WrittenBatch) => void
  onStep?: OnSinkStep
  clock?: Clock
  /** For the names of temporaries. */
  newId?: () => string
}

export interface SinkState {
  partition: number
  phase: 'starting' | 'running' | 'stopping' | 'stopped'
  /** Null until the partition is taken over. */
  epoch: number | null
  /** The number of the next batch and its first offset: what is before it is in files. */
  nextBatch: number
  nextOffset: number
  /** The log's end as last heard. */
  endOffset: number
  /** Records that are not in files yet. */
  lag: number
  /** In files. */
  rows: number
  doubles: number
  deadLetters: number
  lostRecords: number
  /** Rows held in memory: of the open batch and the one being written. */
  heldRows: number
  /** What the sink waits for to be over; null while all answer. */
  trouble: string | null
  /** What a person should know although the sink goes on. */
  warnings: string[]
}
