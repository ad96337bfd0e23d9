import type { Call } from './call.ts'
import type { Row, SourceColumn } from './source.ts'

/** Rows of known columns that are read once, when somebody asks: the answer of an engine, and what a warehouse stages. */
export interface RowStream {
  /** Names are unique; ColumnType says as what the values of each arrive. */
  readonly columns: readonly SourceColumn[]
  /**
   * The rows, in batches of some hundreds to some thousands. Whoever makes them is paused while the reader is busy. A reader
   * that stops early, or a signal, ends the work behind it. Call it once.
   */
  rows(call?: Call): AsyncIterable<Row[]>
  /** The same rows as text, where whoever makes them is faster at that than rows() and a loop over it. Call one of both, once. */
  copyLines?(call?: Call): AsyncIterable<CopyLines>
}

/** Some rows in the text format of PostgreSQL's COPY, a line each, in UTF-8; characters that are NUL are in it as they are. */
export interface CopyLines {
  text: Uint8Array
  rows: number
}

/** One call that ends with either: the one that a stream was made in, and the one that reads it. */
export function bothCalls(made: Call, reads: Call): Call {
  const signals = [made.signal, reads.signal].filter(signal => signal !== undefined)
  const cost = reads.cost ?? made.cost
  return { ...(cost && { cost }), ...(signals.length > 0 && { signal: AbortSignal.any(signals) }) }
}
