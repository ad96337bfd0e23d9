import type { Job } from '../jobs/job.ts'

/** The loans domain: what resolvers and commands may ask of it. createLoans() builds it. */
export interface Loans {
  /**
   * Starts the migration and returns its job at once; CONFLICT while another one runs.
   * @param engine AUTO where left out. BAD_USER_INPUT for SPARK where Spark is not the engine, or cannot read the source.
   */
  migrate(engine?: MigrationEngine): Job

  /**
   * One answer per code, in the order asked, with an Error in the place of a county that has none: NOT_FOUND for a county
   * without loans, NOT_MIGRATED before the first migration. All that is missing is served from one pass over the main file.
   */
  averagesOf(codes: readonly number[]): Promise<(CountyAverage | Error)[]>

  /**
   * Removes the partitions of counties, so that their next averages come from the whole file. Returns the counties that had one,
   * each once, in the order given.
   */
  dropPartitions(codes: readonly number[]): Promise<number[]>

  /** Every county that has migrated loans, ascending by code. NOT_MIGRATED before the first migration. */
  counties(): Promise<County[]>
}

export const MIGRATION_ENGINES = ['AUTO', 'LOCAL', 'SPARK'] as const
/** What copies the rows: this process, or Spark; AUTO takes Spark where it can and there are many rows. */
export type MigrationEngine = (typeof MIGRATION_ENGINES)[number]

export interface County {
  code: number
  /** Census name, for example "Dane County". */
  name: string
}

export const AVERAGE_SOURCES = ['CREATE', 'REUSE', 'RECREATE'] as const
export type AverageSource = (typeof AVERAGE_SOURCES)[number]

export interface CountyAverage {
  countyCode: number
  /** Mean of loan_amount, rounded down, in US dollars. */
  averageLoan: number
  /** How many loans it is the mean of. */
  loans: number
  source: AverageSource
  /** What this answer cost; requests that several answers shared are counted on the first of them only. */
  cost: ReadCost
  /** Set where the average is right but its partition could not be written. */
  warning: string | null
}

export interface ReadCost {
  elapsedMillis: number
  bytesRead: number
  storageRequests: number
}
