import type { Clock } from '../../datasources/clock.ts'
import type { Log } from '../../datasources/log.ts'
import type { Source } from '../../datasources/source.ts'

/**
 * Sends the rows of a growing table to a topic: each at least once, those of a partition in the order of their ids and without a
 * hole, through any crash of any part. A record carries its row's id, so that whoever stores it can drop what comes again.
 *
 * A producer keeps nothing. Where it goes on it reads from the ends of the topic's partitions, at the start and after every failure.
 */
export interface Producer {
  /**
   * Sends until the signal is aborted, and then resolves. What does not answer is tried again for as long as that takes. Errors that
   * no patience heals: CONFLICT where the topic is not one of ours or does not belong to this table; FORBIDDEN; those of settings.
   */
  run(signal: AbortSignal): Promise<void>
  state(): ProducerState
}

export interface ProducerState {
  phase: 'starting' | 'running' | 'waiting' | 'stopped'
  /** Every row up to this id is in the log. */
  lastRowId: number
  /** Records acknowledged since this producer began. */
  sent: number
  /** How many ids lie between lastRowId and the largest one that was seen: about so many rows wait in the source. */
  lag: number
  /** True where every row that the source showed at the last look is in the log. */
  caughtUp: boolean
  /** What it waits for, in half a sentence; null while all is well. */
  trouble: string | null
}

/** What a producer needs of a log. */
export type ProducerLog = Pick<Log, 'createTopic' | 'removeTopic' | 'offsets' | 'fetch' | 'producer'>

/** Where a crash test can end the process. */
export type ProducerStep =
  | 'topic removed'
  | 'topic made'
  | 'resumed'
  | 'rows read'
  | 'before send'
  | 'sent'
  | 'gap seen'
  | 'gap passed'

export interface ProducerSettings {
  partitions: number
  /** Of a topic that has to be made. */
  replication: number
  /** Removes the topic with all its records first, once. */
  recreateTopic: boolean
  /** How often the table is looked at while nothing comes. */
  pollMillis: number
  /** Rows of one send, acknowledged before the next. */
  batchRows: number
  /**
   * How long a gap between ids is waited at where the source does not show its transactions: longer than any that writes to the table.
   */
  blindWaitMillis: number
  firstPauseMillis: number
  mostPauseMillis: number
}

export const PRODUCER_DEFAULTS: ProducerSettings = {
  partitions: 4,
  replication: 1,
  recreateTopic: false,
  pollMillis: 100,
  batchRows: 5_000,
  blindWaitMillis: 10_000,
  firstPauseMillis: 100,
  mostPauseMillis: 3_000,
}

export interface ProducerOptions {
  source: Pick<Source, 'columns' | 'rowsByKey' | 'openTransactions'>
  log: ProducerLog
  topic: string
  settings?: Partial<ProducerSettings>
  clock?: Clock
  onStep?: (step: ProducerStep) => void | Promise<void>
}
