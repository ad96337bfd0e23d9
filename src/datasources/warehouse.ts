import type { Call } from './call.ts'
import type { RowStream } from './rowStream.ts'
import type { Row, SourceColumn } from './source.ts'

/**
 * Result tables for people and their tools, loaded date by date: PostgreSQL, or an embedded DuckDB file. Both keepers are held to
 * test/contract/warehouse.ts.
 *
 * A load has two steps. stage() fills tables that only its job knows; publish() puts them in the place of what the result
 * tables had for that date, in one transaction: readers see the old rows of all of them, or the new.
 *
 * Every result table has the columns of its stage and one more, LOGICAL_DATE. Names of tables, columns and datasets are plain: lower
 * case letters, digits and "_", not beginning with a digit, 48 characters at most. BAD_USER_INPUT otherwise.
 *
 * Errors, all MillraceError: UNAVAILABLE where the warehouse does not answer within its deadline, goes away, or waits for a lock for too
 * long; FORBIDDEN for a refused password or a missing right; NOT_FOUND for a table, stage or date that is not there (the message
 * lists those that are).
 */
export interface Warehouse {
  readonly kind: 'duckdb' | 'postgres'
  /** As configured, without credentials. */
  readonly url: string

  /**
   * Fills the stage of `job` for `table`, in the place of what an earlier attempt of the job left there; returns how many rows.
   * Nothing of a stage that failed can be published.
   */
  stage(stage: Stage, rows: RowStream, call?: WarehouseCall): Promise<number>

  /** Tries each check on a stage, in the order given. */
  check(stage: Stage, checks: readonly Check[], call?: Call): Promise<CheckResult[]>

  /**
   * One transaction: waits for other publications of the same dataset and date; takes away what each table had for `date`,
   * puts the stages in, makes tables and columns that are missing, writes the load log, removes the stages. Those of other
   * dates run side by side.
   *
   * Errors: BAD_USER_INPUT for a stage without rows; DATA_LOST where a stage has not the rows that stage() told of (stage it
   * again); CONFLICT where a column has another type in the result table, or the table belongs to another dataset. Where the answer
   * to the commit is lost, it looks in the load log whether it took place, and throws UNAVAILABLE only where it cannot tell or it did not.
   */
  publish(publication: Publication, call?: Call): Promise<Load>

  /** The load log: what is published, newest date first, then by dataset. One entry for each dataset and date. */
  loads(filter: { dataset?: string; date?: string; first: number }, call?: Call): Promise<Load[]>

  /** The result tables by name. */
  tables(call?: Call): Promise<ResultTable[]>

  /** The first rows of a result table for a date (the latest where null), ascending by its columns from the left. */
  rows(table: string, options: { date: string | null; first: number }, call?: Call): Promise<ResultRows>

  /** Stages that are there, by job and table: those of jobs that were interrupted. */
  stages(call?: Call): Promise<Stage[]>

  /** Removes the stages of a job; nothing happens where there are none. */
  dropStages(job: string, call?: Call): Promise<void>

  /**
   * Does `work` while no other process that uses this warehouse does any of the same name; waits up to `waitMillis` for its turn, CONFLICT
   * then. The signal that `work` gets is aborted where the lock is lost with the connection.
   */
  exclusively<T>(name: string, waitMillis: number, work: (signal: AbortSignal) => Promise<T>, call?: Call): Promise<T>

  /** Throws where the warehouse cannot be used now; returns its version otherwise. */
  ping(call?: Call): Promise<string>

  close(): Promise<void>
}

/** The column of a result table that says for which date a row was published. */
export const LOGICAL_DATE = 'logical_date'

export interface Stage {
  /** Id of the job: a UUID, or letters, digits, "-" and "_", 40 characters at most. */
  job: string
  /** The result table that it is for. */
  table: string
}

export interface WarehouseCall extends Call {
  /** Called with the number of rows sent so far. */
  onRows?: (rows: number) => void
}

export type Check =
  | { kind: 'notNull'; column: string }
  /** No two rows have the same values in all of them. */
  | { kind: 'unique'; columns: readonly string[] }
  /** NULL is accepted too. */
  | { kind: 'acceptedValues'; column: string; values: readonly (string | number | boolean)[] }
  | { kind: 'rowCount'; least: number; most: number }

export interface CheckResult {
  check: Check
  passed: boolean
  /** Where it failed: what was expected and what came, with how many rows and one of the values; null otherwise. */
  message: string | null
}

export interface Publication {
  job: string
  dataset: string
  /** YYYY-MM-DD. */
  date: string
  tables: PublishedTable[]
  /** What it was made from, for whoever asks later whether it is still current: a digest, say. */
  fingerprint: string
}

export interface PublishedTable {
  name: string
  /** As told by stage(). */
  rows: number
  /**
   * `date`: the table keeps the rows of every date. `table`: it keeps those of this publication alone, for a table that holds its own
   * history. `date` where left out.
   */
  replaces?: 'date' | 'table'
}

/** What is published for one dataset and date. */
export interface Load {
  dataset: string
  date: string
  job: string
  fingerprint: string
  publishedAt: Date
  /** In the order of the publication. `replacedRows` were there before and are gone. */
  tables: { name: string; rows: number; replacedRows: number }[]
}

export interface ResultTable {
  name: string
  dataset: string
  /** Without LOGICAL_DATE. */
  columns: SourceColumn[]
  /** Of all dates. */
  rows: number
  latestDate: string | null
}

export interface ResultRows {
  date: string
  /** Without LOGICAL_DATE. */
  columns: SourceColumn[]
  rows: Row[]
}
