import type { Job } from '../jobs/job.ts'

/**
 * The weather domain: rows of a growing table through the log into Parquet files, each row exactly once. What resolvers and
 * commands may ask of it. createWeather() builds it.
 *
 * Errors of all that ask: UNAVAILABLE where the source, the log or the storage does not answer; BAD_USER_INPUT where an argument
 * cannot be meant; DATA_LOST where a file of the chain is missing or damaged.
 */
export interface Weather {
  /** Starts moving rows until stop() and returns the job once it runs; CONFLICT while one runs. */
  start(options: StartOptions): Promise<Job>

  /** Closes the open batches and returns the job when it has ended; CONFLICT where none runs. */
  stop(): Promise<Job>

  /** Starts merging the small files of one partition, or of all, and returns its job; CONFLICT while one runs. */
  compact(partition: number | undefined): Promise<Job>

  /** Ascending by partition. */
  partitions(): Promise<WeatherPartition[]>

  /** The files that readers see now, ascending by partition, then batch. */
  batchFiles(partition: number | undefined): Promise<WeatherBatch[]>

  /** Rows ascending by date, then station, from `after` on. */
  temperatures(question: TemperatureQuestion): Promise<TemperaturePage>

  /** One window per period that has rows, ascending by start; cost grows with files not seen before. */
  windows(question: WindowQuestion): Promise<TemperatureWindow[]>

  /** Compares the source's ids with the stored ones. */
  verify(): Promise<WeatherVerification>

  /** Batches as they become visible, whichever process writes them; a slow reader misses the oldest. return() frees it. */
  watchBatches(): AsyncIterableIterator<WeatherBatch>

  /** Rows of new batches; a slow reader misses the oldest. return() frees it. */
  watchTemperatures(stationId: string | undefined): AsyncIterableIterator<Temperature>
}

export interface StartOptions {
  /** Whether simulated stations feed the source meanwhile. */
  generate: boolean
}

/** How far one partition of the log has become files. */
export interface WeatherPartition {
  partition: number
  /** Offset the next batch starts at. */
  nextOffset: number
  /** The log's end now. */
  endOffset: number
  /** Records that wait in the log: endOffset - nextOffset. */
  lag: number
  nextBatch: number
  /** Rows in the visible files. */
  rows: number
  /** Records that came again and were dropped, because their row was stored. */
  doubles: number
  /** Records kept aside in /dead-letters. */
  deadLetters: number
  /** What a person should know although the partition goes on, for example records that the log had lost. */
  warning: string | null
}

/** A visible file: one batch, or several merged ones. */
export interface WeatherBatch {
  partition: number
  /** The first batch in the file; a partition counts them from 0. */
  batch: number
  /** The last one: the same as `batch` where nothing was merged. */
  lastBatch: number
  path: string
  rows: number
  /** Bytes of the file. */
  length: number
  firstOffset: number
  /** Of the last record that the file accounts for. */
  lastOffset: number
  writtenAt: Date
}

export interface Temperature {
  stationId: string
  /** YYYY-MM-DD. */
  date: string
  degrees: number
}

/** Days are YYYY-MM-DD, both ends included. */
export interface TemperatureRange {
  stationId: string | undefined
  from: string | undefined
  to: string | undefined
}

export interface TemperatureQuestion extends TemperatureRange {
  /** At most this many rows. */
  first: number
  /** The endCursor of the page before; BAD_USER_INPUT for any other text. */
  after: string | undefined
}

export interface TemperaturePage {
  nodes: Temperature[]
  /** Where the next page goes on; null where this one is empty. */
  endCursor: string | null
  hasNextPage: boolean
}

export const WINDOW_SIZES = ['DAY', 'WEEK', 'MONTH', 'YEAR'] as const
export type WindowSize = (typeof WINDOW_SIZES)[number]

export interface WindowQuestion extends TemperatureRange {
  window: WindowSize
}

export interface TemperatureWindow {
  /** The first day, YYYY-MM-DD; weeks begin on Monday. */
  start: string
  /** The last day, included. */
  end: string
  /** Null where no station was asked for: all stations together. */
  stationId: string | null
  count: number
  min: number
  max: number
  mean: number
}

/** Counts of rows; ok where nothing is missing or doubled. */
export interface WeatherVerification {
  ok: boolean
  sourceRows: number
  storedRows: number
  /** Rows of the source that no file has. */
  missing: number
  /** Rows that the files have more than once, and rows that the source does not have. */
  duplicated: number
  /** The first of them, in a sentence; null where ok. */
  firstProblem: string | null
}
