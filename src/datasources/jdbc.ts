import type { SourceColumn } from './source.ts'

/** What a program on another machine needs to read the rows of a query straight from the database. */
export interface JdbcRead {
  /** jdbc:..., without credentials. */
  url: string
  /** The class of the driver, for example org.mariadb.jdbc.Driver. */
  driver: string
  user: string
  password: string
  /** Run on each connection before it reads. */
  firstStatement: string
  /** Dates and instants are text in it, among them such as no calendar has; so each value has to be cast to its column's type. */
  sql: string
  /** What the rows are; `alias` names the value in `sql`. */
  columns: readonly JdbcColumn[]
  /** By which the rows can be read in ranges, over several connections. Null: they come over one. */
  key: JdbcKey | null
}

export interface JdbcColumn extends SourceColumn {
  alias: string
}

export interface JdbcKey {
  alias: string
  /** Whole numbers: no key is less or more, NULL aside. */
  least: number
  most: number
  /** Whether a range is found without looking at all rows. */
  indexed: boolean
}
