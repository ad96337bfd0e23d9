import type { ColumnType, Row, SourceColumn } from './source.ts'
import type { PublishedTable, Stage } from './warehouse.ts'

/** One connection to the database of a warehouse. Placeholders are $1, $2 and so on. */
export interface WarehouseSession {
  query(sql: string, values?: readonly SqlParameter[]): Promise<Row[]>
  /** How many rows an INSERT, UPDATE or DELETE changed. */
  change(sql: string, values?: readonly SqlParameter[]): Promise<number>
  /** SELECT of `columns`, each by its name, with this rest (FROM ...); values as Row promises them. */
  rows(columns: readonly SourceColumn[], rest: string, values: readonly SqlParameter[]): Promise<Row[]>
  /** In one transaction, which an error rolls back. */
  transaction<T>(work: () => Promise<T>): Promise<T>
}

export type SqlParameter = string | number | null

/** What the database of one keeper does differently from the other's. */
export interface WarehouseDialect {
  /** Where the result tables are, quoted. */
  schema: string
  /** Where stages are, without quotes. */
  stageSchema: string
  typeName(type: ColumnType): string
  /** A table's columns in their order; none where it is not there. `schema` and `table` without quotes. */
  columnsOf(session: WarehouseSession, schema: string, table: string): Promise<SourceColumn[]>
  /** Waits until no other transaction holds the lock of this name, and holds it to the end of the transaction. */
  lock(session: WarehouseSession, name: string): Promise<void>
  /** What stands behind the columns of a new result table. */
  tableOptions(replaces: Replaces): string
  /** Takes away what a result table has for the date, or all of it, and puts the rows of a stage in; says how many each were. */
  replaceRows(session: WarehouseSession, replacement: Replacement): Promise<{ inserted: number; replacedRows: number }>
}

export type Replaces = NonNullable<PublishedTable['replaces']>

export interface Replacement {
  stage: Stage
  /** The table of the stage, quoted and qualified. */
  staged: string
  /** YYYY-MM-DD. */
  date: string
  replaces: Replaces
  /** Of the stage. */
  columns: readonly SourceColumn[]
}

/** Both databases write names so. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Both databases write texts so. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
