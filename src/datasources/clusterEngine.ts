import type { EngineCall, EngineSession, SqlValues } from './engine.ts'
import type { JdbcRead } from './jdbc.ts'
import type { FileLayout } from './storage.ts'

/**
 * A session of an engine whose workers are machines of their own: they read a database and write files without this process between.
 *
 * Errors as in Engine, and BAD_USER_INPUT where the cluster lacks the database's driver; UNAVAILABLE or FORBIDDEN where its machines do not
 * reach the database, or it does not let them in.
 */
export interface ClusterSession extends EngineSession {
  /**
   * Makes the rows of a database's query readable under a name, as FileView.name has it. They are read when a query needs them, each time
   * anew, over `connections` at once where there is a key. User and password are in no plan, web page, log or event of the engine.
   */
  registerTable(name: string, read: JdbcRead, connections: number, call?: EngineCall): Promise<void>

  /**
   * The rows of a SELECT as Parquet files directly in `folder`, which must be missing or empty (CONFLICT): of one value of the column
   * `groupBy` in each, so that a group is one file or a few. NOT atomic, as write().
   */
  writeGroups(
    sql: string,
    folder: string,
    options: GroupOptions,
    values?: SqlValues,
    call?: EngineCall,
  ): Promise<GroupFile[]>
}

export interface GroupOptions {
  /** A column of INTEGER in the SELECT; it does not become a column of the files. Rows where it is NULL are a group too. */
  groupBy: string
  /** Of each file. */
  layout: FileLayout
  /** A group of more rows becomes several files. */
  mostRows: number
}

export interface GroupFile {
  /** The value of `groupBy`. */
  group: number | null
  /** "<group>.parquet", "<group>-2.parquet" ...; "none.parquet" for NULL. */
  path: string
  length: number
  rows: number
  /** Of all its bytes, hexadecimal. */
  sha256: string
}
