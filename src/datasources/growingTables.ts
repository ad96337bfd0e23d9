import type { Call } from './call.ts'
import type { Row, SourceColumn } from './source.ts'

/**
 * Tables that grow, each row with a whole number for a key that the database gives it, ascending from 1. A part of Source, with its
 * errors; both keepers are held to test/contract/growingTables.ts.
 *
 * Keys can be left out (a transaction that was rolled back) and can become visible late: a transaction that took a lower key may
 * commit after one that took a higher key. See openTransactions().
 */
export interface GrowingTables {
  /** Makes the table where it is missing; one that is there stays as it is, whatever its columns. */
  createTable(table: GrowingTable, call?: Call): Promise<void>

  /**
   * Adds rows of the named columns, all or none, with keys that ascend in their order. A failure with UNAVAILABLE can come after
   * the rows were added. FORBIDDEN where the user may not write; CONFLICT where another process holds an embedded database.
   */
  append(table: string, columns: readonly string[], rows: readonly Row[], call?: Call): Promise<void>

  /** At most `limit` rows, by their keys. */
  rowsByKey(query: KeyQuery, call?: Call): Promise<Row[]>

  /** All keys above `after`, up to `through` where that is given, ascending, in batches; the database waits for the reader. */
  keys(query: KeyRange, call?: Call): AsyncIterable<number[]>

  /**
   * The transactions open now that may have written, by names that are used once; undefined where the user may not see those of
   * others (PROCESS in MySQL). What is seen can be OPEN_TRANSACTIONS_LAG_MILLIS old: a transaction that has taken a key by now
   * is sure to be among those seen so long from now, unless it has ended.
   */
  openTransactions(call?: Call): Promise<ReadonlySet<string> | undefined>
}

/** MySQL shows its transactions from a copy that is up to 100 ms old. */
export const OPEN_TRANSACTIONS_LAG_MILLIS = 200

export interface GrowingTable {
  name: string
  /** The column that the database numbers. */
  key: string
  /** The others; none of their values is null. A date, a 64-bit float, or a text of at most 255 characters. */
  columns: readonly { name: string; kind: 'date' | 'float' | 'text' }[]
}

export interface KeyQuery {
  table: string
  key: string
  /** What a row has, in this order; the key only where it is among them. */
  columns: readonly SourceColumn[]
  /** Only keys above it. */
  after?: number
  /** Largest key first. */
  descending?: boolean
  limit: number
}

export interface KeyRange {
  table: string
  key: string
  after?: number
  through?: number
}
