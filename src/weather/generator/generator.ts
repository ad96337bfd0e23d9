import type { Clock } from '../../datasources/clock.ts'
import type { Source } from '../../datasources/source.ts'

/** Ten stations that report once a day, into the table that weather comes from. One generator at a time feeds a table. */
export interface Generator {
  /**
   * Makes the table where it is missing and goes on where it ends, in the middle of a day too, until the signal is aborted or the days
   * asked for are there; then it resolves. A source that does not answer is tried again for as long as that takes; other errors are
   * thrown: FORBIDDEN where the user may not write, CONFLICT where another process holds the file of an embedded source.
   */
  run(signal: AbortSignal): Promise<void>
  state(): GeneratorState
}

export interface GeneratorState {
  /** The last day that is whole, YYYY-MM-DD; null while there is none. */
  lastDate: string | null
  /** Added since this generator began. */
  rows: number
  /** What it waits for, in half a sentence; null while all is well. */
  trouble: string | null
}

export interface GeneratorSettings {
  /** From one day to the next; 0 for as fast as the source takes them. */
  delayMillis: number
  /** Ends when the table has so many days; undefined for no end. */
  days: number | undefined
  firstPauseMillis: number
  mostPauseMillis: number
}

export const GENERATOR_DEFAULTS: GeneratorSettings = {
  delayMillis: 100,
  days: undefined,
  firstPauseMillis: 100,
  mostPauseMillis: 3_000,
}

export interface GeneratorOptions {
  source: Pick<Source, 'createTable' | 'append' | 'columns' | 'rowsByKey' | 'openTransactions'>
  settings?: Partial<GeneratorSettings>
  clock?: Clock
  /** Told each time days were added, of the last one. */
  onAdded?: (lastDate: string) => void
}
