import type { Call } from './call.ts'
import type { ClusterSession } from './clusterEngine.ts'
import type { RowStream } from './rowStream.ts'
import type { SourceColumn } from './source.ts'

/**
 * SQL over files of the storage: Spark through Spark Connect, or an embedded DuckDB. Both keepers are held to
 * test/contract/engine.ts.
 *
 * Errors, all MillraceError: BAD_USER_INPUT for SQL that is wrong or fails on a value, with the engine's own message, its hint
 * where it has one, and line and column where it names a place (sqlProblemOf() has them apart), and for a file that cannot be
 * read as what it should be; NOT_FOUND for a file or folder that is not there; CONFLICT for a folder to write that is not
 * empty; UNAVAILABLE where the engine does not answer, goes away, or has lost the session: open another one and begin
 * again; FORBIDDEN for a refused token; CANCELLED where the session was closed while it was in use.
 */
export interface Engine {
  readonly kind: 'duckdb' | 'spark'
  /** As configured, without credentials. */
  readonly url: string

  /** A session of its own for one piece of work: no other sees its views. Close it. Several may be open. */
  open(call?: Call): Promise<EngineSession>

  /** As open(); missing where the engine is a part of this process. `id` is a UUID that no session had before. */
  openCluster?(id: string, call?: Call): Promise<ClusterSession>

  /**
   * Ends the session of that id and what it does, whoever opened it: a process that died, and whose work goes on. Of an engine that does not
   * answer, or does not know the session, nothing is said. Its last files may come a moment later.
   */
  endCluster?(id: string): Promise<void>

  /** Throws where the engine cannot be used now; returns its version otherwise. */
  ping(call?: Call): Promise<string>

  /** Ends open sessions too. */
  close(): Promise<void>
}

export interface EngineSession {
  /**
   * Makes files readable under names; a name that is there already is replaced, and all names are tried before any is
   * changed. Nothing but the shape of the files is read.
   */
  register(views: readonly FileView[], call?: Call): Promise<void>

  /**
   * One SELECT (or WITH ... SELECT), checked now and run when its rows are asked for. In it `:name` stands for the value of that name:
   * errors for a name without a value. The SQL that both engines agree on is in docs/warehouse.md.
   */
  query(sql: string, values?: SqlValues, call?: EngineCall): Promise<RowStream>

  /**
   * The rows of such a SELECT as Parquet files in `folder`, which must be missing or empty (CONFLICT). NOT atomic: a failure or
   * cancel can leave a part of them, and on Spark a given-up attempt may go on for a moment. So take a new folder for each attempt, and
   * keep the name of the one that counts.
   */
  write(sql: string, folder: string, values?: SqlValues, call?: EngineCall): Promise<WrittenFiles>

  /** All rows of files that write() made, in no particular order; NOT_FOUND where one is missing. */
  read(files: WrittenFiles['files'], call?: EngineCall): Promise<RowStream>

  close(): Promise<void>
}

export interface FileView {
  /** Letters, digits and "_", not beginning with a digit: lower case, since engines fold names. BAD_USER_INPUT otherwise. */
  name: string
  /**
   * Absolute paths within the storage: files, or folders that stand for the files directly in them. Names that begin with
   * "." or "_" do not count. NOT_FOUND where one is missing or a folder has none.
   * None at all makes a view without rows, of the columns in `columns`.
   */
  paths: readonly string[]
  /**
   * csv: UTF-8, a header line, commas, `"` quotes with `""` for one inside; line breaks may be in quotes; an empty field is
   * NULL, `""` an empty text. A line with too few or too many fields, or a value of another type, is BAD_USER_INPUT when read.
   */
  format: 'parquet' | 'csv'
  /** CSV needs them: exactly those of the header, in its order. For Parquet those that are wanted; all where left out. */
  columns?: readonly SourceColumn[]
}

/** By the name that follows ":" in the SQL. Whole numbers are BIGINT, others DOUBLE; write CAST(:date AS DATE) for a date. */
export type SqlValues = Readonly<Record<string, string | number | bigint | boolean | null>>

export interface EngineCall extends Call {
  /** How much of the work is done as far as the engine knows, from 0 to 1, never falling; cheap work may never call it. */
  onProgress?: (fraction: number) => void
}

export interface WrittenFiles {
  rows: number
  /** Ascending by path; at least one, also where there are no rows. */
  files: { path: string; length: number }[]
}
