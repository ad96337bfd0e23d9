import type { Job, JobState } from '../jobs/job.ts'

/** The warehouse domain: what resolvers and commands may ask of it. createWarehouse() builds it. Dates are logical dates, YYYY-MM-DD. */
export interface WarehouseDomain {
  /** Starts landing the day's files and returns the job at once; jobs of one date queue up. `force` replaces another file that is landed. */
  ingest(date: string, options?: { force?: boolean }): Job

  /**
   * Starts what runWarehouse promises for a date: ingest, transform, stage, test, publish. Steps that an earlier attempt has done, from the same inputs,
   * are not done again; of a date that is published from the same inputs nothing is. `force` ingests anew.
   */
  run(date: string, options?: { force?: boolean }): Job

  /** What run(date) would do now, without doing any of it. */
  plan(date: string): Promise<Plan>

  /** The newest dates first. */
  runs(first: number): Run[]

  /** Every result table, by name, those too that no run has made yet. */
  tables(): Promise<Table[]>

  /**
   * The first rows of a table for a date, the latest where null, as column -> value. NOT_FOUND for a table or a date that it does not have.
   */
  rows(table: string, date: string | null, first: number): Promise<Record<string, unknown>[]>

  close(): void
}

/** A logical date with all its attempts. */
export interface Run {
  date: string
  state: JobState
  attempts: number
  startedAt: Date | null
  finishedAt: Date | null
  steps: Step[]
}

export interface Step {
  /** "ingest", "transform <table>", "stage", "test", "publish". */
  name: string
  state: JobState
  /** Rows that it has made; in a plan, those that it would replace. */
  rows: number | null
  elapsedMillis: number | null
  /** What was done, what went wrong, or why there was nothing to do. */
  message: string | null
}

export interface Plan {
  date: string
  steps: Step[]
  /** Why it would fail, or what else to know before it is run. */
  problems: string[]
}

export interface Table {
  name: string
  description: string
  /** Of all dates. */
  rows: number
  latestDate: string | null
}

/** Which load of the warehouse a date is. */
export const DATASET = 'citizens'
