import type { SourceColumn } from '../../datasources/source.ts'
import type { Check } from '../../datasources/warehouse.ts'

/** A result table, as its .sql file says it is made. */
export interface Transform {
  /** Of the table: the name of the file without ".sql". */
  name: string
  /** Where it was read. */
  file: string
  description: string
  /** The whole file, so that lines of an error are those of the file. */
  sql: string
  /** A table that holds its own history keeps only what the latest date published. */
  keeps: 'every date' | 'latest'
  /** The columns of the view previous_<name>, its own result for the date before; null where it does not go on from that. */
  continues: readonly SourceColumn[] | null
  tests: DataTest[]
}

/** A check on the rows of the table before they are published, and the line of the file that asks for it. */
export interface DataTest {
  check: Check
  line: number
}
