import type { ErrorCode } from '../errors.ts'

export const JOB_KINDS = [
  'MIGRATE_LOANS',
  'WEATHER',
  'COMPACT_WEATHER',
  'SEND_FILES',
  'INGEST_CITIZENS',
  'WAREHOUSE_RUN',
] as const
export type JobKind = (typeof JOB_KINDS)[number]

export const JOB_STATES = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'INTERRUPTED'] as const
export type JobState = (typeof JOB_STATES)[number]

/** Long work, as people see it: its state survives a restart of the server. */
export interface Job {
  id: string
  kind: JobKind
  state: JobState
  progress: Progress
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
  /** What was done, or what went wrong and what to do about it. */
  message: string | null
  /** What to do about a failure, also part of the message. */
  hint: string | null
  errorCode: ErrorCode | null
}

export interface Progress {
  done: number
  total: number | null
  /** What `done` and `total` count, for example "rows". */
  unit: string
  /** Bytes written so far, where the work writes any. */
  bytes: number
  /** Null while there is nothing to estimate from. */
  etaSeconds: number | null
}

/** What a piece of work is given; it returns the message of its success. */
export interface JobControl {
  /** Aborted by cancel() and by the server's stop. */
  readonly signal: AbortSignal
  /** Cheap: call it as often as you like. */
  readonly report: (progress: { done?: number; total?: number | null; unit?: string; bytes?: number }) => void
  /** A line that people see while the work runs, for example what it waits for. */
  readonly say: (message: string) => void
}

export type Work = (control: JobControl) => Promise<string>

export interface StartOptions {
  /**
   * Jobs of one lane, of whatever kind, run one after the other in the order in which they were started; those of other lanes beside
   * them. Where it is left out, the kind is the lane and a second job is refused instead of queued.
   */
  lane?: string
}

/** The jobs of this server and of those before it in the same data directory. */
export interface Jobs {
  /**
   * Starts work at once, or when the earlier jobs of its lane have ended. Without a lane: CONFLICT where a job of this kind is
   * queued or running. With one: CONFLICT where too many wait in it. The message names the job in the way.
   */
  start(kind: JobKind, work: Work, options?: StartOptions): Job
  /** NOT_FOUND for an unknown id. */
  get(id: string): Job
  /** Newest first. */
  list(filter: { kind?: JobKind; state?: JobState; first: number }): Job[]
  /** Aborts the work and returns the job once it has ended. CONFLICT for a job that has ended, NOT_FOUND for none. */
  cancel(id: string): Promise<Job>
  /** The job once it has ended, whatever the outcome. */
  finished(id: string): Promise<Job>
  /** The job now, then each change (those that a slow reader missed are left out), ending when the job ends. */
  watch(id: string): AsyncIterableIterator<Job>
  /** Cancels what runs, waits for it, and closes the history. */
  close(): Promise<void>
}
