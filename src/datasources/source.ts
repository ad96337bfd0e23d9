import type { Call } from './call.ts'
import type { GrowingTables } from './growingTables.ts'
import type { JdbcRead } from './jdbc.ts'
import type { WireRows } from './wireRows.ts'

/**
 * The relational database that rows are copied from: MySQL, or an embedded DuckDB file. Both keepers are
 * held to test/contract/source.ts and, where rows are added, to test/contract/growingTables.ts.
 *
 * Errors, all MillraceError: UNAVAILABLE where the database does not answer, is still starting, or goes away
 * in the middle; FORBIDDEN for a wrong password; NOT_FOUND for a database or table that is not there (the
 * message lists the tables that are).
 */
export interface Source extends GrowingTables {
  readonly kind: 'mysql' | 'duckdb'
  /** As configured, without credentials. */
  readonly url: string

  /** A table's columns in their order, from the database's own description. */
  columns(table: string, call?: Call): Promise<SourceColumn[]>

  /** How many rows `rows` will give. */
  count(query: TableQuery, call?: Call): Promise<number>

  /**
   * The rows, in batches of some hundreds to some thousands, in no promised order. The database is paused
   * while the reader is busy, so at most a few batches are in memory. A reader that stops early, or a
   * signal, ends the query. Silence longer than the keeper's deadline is UNAVAILABLE.
   */
  rows(query: TableQuery, call?: Call): AsyncIterable<Row[]>

  /**
   * What rows() gives, in the bytes in which it comes; missing where a keeper has no such thing. The same rules and errors. What is given is valid
   * until the next is asked for.
   */
  wireRows?(query: TableQuery, call?: Call): AsyncIterable<WireRows>

  /**
   * What another machine needs to read the same rows; missing where none can.
   * @param spreadBy A column of numbers in `query.table`, to split the rows by where the table has no better key.
   */
  jdbc?(query: TableQuery, spreadBy: string, call?: Call): Promise<JdbcRead>

  /** Throws where the database cannot be used now; returns its version otherwise. */
  ping(call?: Call): Promise<string>

  close(): Promise<void>
}

/** One value per column of the query, in its order; see ColumnType for how each is represented. */
export type Row = readonly unknown[]

export interface SourceColumn {
  name: string
  type: ColumnType
}

/**
 * What a column holds, and as what its values arrive in a Row (null anywhere is SQL NULL):
 *
 * - integer: number; beyond 2^53 a bigint or a string of decimal digits. MySQL BIT(n) and YEAR are integers.
 * - decimal, precision up to 38: string, for example "-12.50".
 * - float: number (NaN and infinities included).
 * - boolean: boolean.
 * - date: string "YYYY-MM-DD".
 * - timestamp: string "YYYY-MM-DD hh:mm:ss[.ffffff]", in UTC where `utc`, else wall-clock time without a zone.
 * - text: string. Also TIME, JSON, ENUM, SET, and DECIMAL beyond 38 digits, as the database writes them.
 * - binary: Uint8Array.
 *
 * MySQL's dates with a zero month or day, which no calendar has, arrive as they are ("0000-00-00").
 */
export type ColumnType =
  | { kind: 'integer'; bits: 8 | 16 | 32 | 64; signed: boolean }
  | { kind: 'decimal'; precision: number; scale: number }
  | { kind: 'float'; bits: 32 | 64 }
  | { kind: 'boolean' }
  | { kind: 'date' }
  | { kind: 'timestamp'; utc: boolean }
  | { kind: 'text' }
  | { kind: 'binary' }

/** The rows of one table: all of them, or those with a partner in a join and within a range. Every name is quoted by the keeper. */
export interface TableQuery {
  table: string
  columns: SourceColumn[]
  /** An inner join on equality. */
  join?: {
    table: string
    /** The column of `table` and the column of `join.table` that are equal. */
    on: { left: string; right: string }
    /** Appended to the row, after `columns`. */
    columns: SourceColumn[]
  }
  /** above < column < below, both strict. */
  where?: { column: string; above: number; below: number }
}

/** An inner join of two tables on equality, filtered by a range. */
export type RowQuery = TableQuery & Required<Pick<TableQuery, 'join' | 'where'>>
