import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { createMysqlTables, type NewTable } from '../../datasources/mysqlTables.ts'
import { MillraceError } from '../../errors.ts'
import { text } from '../../randomSql.ts'
import { SAMPLE_SEED, type SampleProgress } from './createSample.ts'
import { loansSelect, prepareLoans } from './loanSql.ts'
import { LOAN_COLUMNS, LOAN_TYPES, SAMPLE_LOANS, type SampleType } from './schema.ts'

export interface LoadSampleOptions {
  /** As for createSample(). */
  seed?: number
  /** Drops the tables where they are; CONFLICT otherwise. */
  replace?: boolean
  /** Tables of others that are loaded with them. */
  otherTables?: readonly NewTable[]
  onProgress?: (progress: SampleProgress) => void
  signal?: AbortSignal
}

/**
 * Puts the rows that createSample() makes into the MySQL database of `mysql://user:password@host:port/database`, all or none.
 * Errors as in Source, and CONFLICT where the tables are there already.
 */
export async function loadSampleInto(mysqlUrl: string, options: LoadSampleOptions = {}): Promise<void> {
  const { seed = SAMPLE_SEED, replace = false, otherTables = [], onProgress, signal } = options
  signal?.throwIfAborted()
  const instance = await DuckDBInstance.create(':memory:')
  try {
    const tables = [loanTypes(), loans(await instance.connect(), seed), ...otherTables]
    const onRows = (rows: number) => {
      const done = Math.min(SAMPLE_LOANS, Math.max(0, rows - LOAN_TYPES.length))
      onProgress?.({ done, total: SAMPLE_LOANS })
    }
    await createMysqlTables(mysqlUrl, tables, { replace, onRows, ...(signal && { signal }) })
  } finally {
    instance.closeSync()
  }
}

function loanTypes(): NewTable {
  return {
    name: 'loan_types',
    definition: 'id BIGINT NOT NULL PRIMARY KEY, loan_type_name TEXT',
    rows: once(LOAN_TYPES.map(([id, name]) => `(${id},${text(name)})`)),
  }
}

function loans(connection: DuckDBConnection, seed: number): NewTable {
  const columns = LOAN_COLUMNS.map(([name, type]) => `\`${name}\` ${type}`)
  return { name: 'loans', definition: columns.join(', '), rows: loanRows(connection, seed) }
}

/** DuckDB writes the tuples of the INSERTs itself: nothing is done per value here. */
async function* loanRows(connection: DuckDBConnection, seed: number): AsyncGenerator<string[], void, undefined> {
  try {
    for (const statement of prepareLoans(seed)) await connection.run(statement)
    const values = LOAN_COLUMNS.map(([name, type]) => mysqlLiteral(name, type)).join(", ',', ")
    const result = await connection.stream(`SELECT concat('(', ${values}, ')') FROM (${loansSelect(seed)})`)
    let made = 0
    for (;;) {
      const chunk = await result.fetchChunk()
      if (!chunk || chunk.rowCount === 0) break
      made += chunk.rowCount
      yield chunk.getColumnValues(0) as string[]
    }
    // A stream of DuckDB's that fails in the middle ends like one that is whole.
    if (made !== SAMPLE_LOANS)
      throw new MillraceError('INTERNAL', `Expected ${SAMPLE_LOANS} rows from DuckDB, got ${made}.`)
  } finally {
    connection.interrupt()
    connection.closeSync()
  }
}

/** The shortest decimal that DuckDB prints for a double is read back as the same double. */
function mysqlLiteral(name: string, type: SampleType): string {
  if (type !== 'TEXT') return `coalesce(CAST(${name} AS VARCHAR), 'NULL')`
  const escaped = `replace(replace(${name}, '\\', '\\\\'), '''', '''''')`
  return `coalesce('''' || ${escaped} || '''', 'NULL')`
}

async function* once<T>(item: T): AsyncGenerator<T, void, undefined> {
  yield item
}
