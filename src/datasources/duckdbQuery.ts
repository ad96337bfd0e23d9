import { type DuckDBConnection, StatementType } from '@duckdb/node-api'
import { hasCode, MillraceError } from '../errors.ts'
import type { DuckdbConnections } from './duckdbConnections.ts'
import { duckdbCopyLines } from './duckdbCopyLines.ts'
import { rowReader, streamedRows } from './duckdbRows.ts'
import { describeDuckdbColumn, quoteDuckdbText } from './duckdbTypes.ts'
import type { EngineCall, SqlValues } from './engine.ts'
import type { DescribedColumn } from './rowQuery.ts'
import { bothCalls, type CopyLines, type RowStream } from './rowStream.ts'
import type { Row } from './source.ts'
import { readQuery, requireUniqueNames, sqlError } from './sqlProblem.ts'
import { placeOf, type SqlPlace } from './sqlText.ts'

/** A checked SELECT, to be run by any DuckDB in this process. */
export interface DuckdbQuery {
  /** Run these on a connection first; they make temporary views. */
  views: readonly string[]
  sql: DuckdbSql
}

/** SQL whose parameters have been put in, and where they were. */
export interface DuckdbSql {
  text: string
  /** Where a place of `text` (bytes from 0) is in the SQL as it was given. */
  placeOf(byteOffset: number): SqlPlace | null
}

const ENGINE = 'DuckDB'
const PROGRESS_MILLIS = 200

const queries = new WeakMap<RowStream, DuckdbQuery>()

/** The query behind a stream that the DuckDB engine gave, so that a DuckDB warehouse can run it without a detour; undefined for any other. */
export function duckdbQueryOf(rows: RowStream): DuckdbQuery | undefined {
  return queries.get(rows)
}

/** Puts the values in as literals: a description of the columns would not know the types of parameters. */
export function duckdbSql(sql: string, values: SqlValues): DuckdbSql {
  const { text, parameters } = readQuery(ENGINE, sql, values)
  let result = ''
  let behind = 0
  const shifts: { from: number; by: number }[] = []
  for (const { name, start, end } of parameters) {
    const literal = literalOf(name, values[name]!)
    result += text.slice(behind, start) + literal
    behind = end
    shifts.push({ from: result.length, by: result.length - end })
  }
  result += text.slice(behind)
  return {
    text: result,
    placeOf(byteOffset) {
      const offset = Buffer.from(result).subarray(0, byteOffset).toString().length
      const by = shifts.findLast(({ from }) => from <= offset)?.by ?? 0
      return placeOf(sql, Math.min(offset - by, sql.length))
    },
  }
}

/** Errors where it is no single SELECT, or does not fit the views. Several connections may be used; each needs the views. */
export async function describeDuckdbQuery(connection: DuckDBConnection, sql: DuckdbSql): Promise<DescribedColumn[]> {
  try {
    const statements = await connection.extractStatements(sql.text)
    if (statements.count !== 1) throw noSelect(`${statements.count} statements`)
    const { statementType } = await statements.prepare(0)
    if (statementType !== StatementType.SELECT) throw noSelect('another statement')
  } catch (error) {
    throw explainDuckdbError(error, sql)
  }
  const described = await run(connection, 'DESCRIBE ', sql)
  const columns = described.map(([name, dataType]) =>
    describeDuckdbColumn({ name: String(name), dataType: String(dataType) }),
  )
  requireUniqueNames(
    ENGINE,
    columns.map(({ name }) => name),
  )
  return columns
}

/** The rows of a query; each call runs it anew, in a connection of its own. */
export function duckdbRowStream(
  connections: DuckdbConnections,
  query: DuckdbQuery,
  described: readonly DescribedColumn[],
  outer: EngineCall,
): RowStream {
  const columns = described.map(({ name, type }) => ({ name, type }))
  const values = described.map((column, index) => ({ type: column.type, sql: column.select(`column${index}`) }))
  const answer = `answer AS answer(${described.map((_, index) => `column${index}`).join(', ')})`
  const stream: RowStream = {
    columns,
    rows: (call = {}) => connections.stream(bothCalls(outer, call), readRows),
    copyLines: (call = {}) => connections.stream(bothCalls(outer, call), readLines),
  }
  queries.set(stream, query)
  return stream

  async function* readRows(connection: DuckDBConnection, signal: AbortSignal): AsyncGenerator<Row[], void, undefined> {
    await makeAnswer(connection)
    const { selectList, read } = rowReader(values)
    const result = await connection.stream(`SELECT ${selectList} FROM ${answer}`)
    let received = 0
    for await (const rows of streamedRows(result, read)) {
      received += rows.length
      yield rows
    }
    signal.throwIfAborted()
    await expectRows(connection, received)
  }

  async function* readLines(connection: DuckDBConnection): AsyncGenerator<CopyLines, void, undefined> {
    await makeAnswer(connection)
    let received = 0
    for await (const lines of duckdbCopyLines(connection, answer, values)) {
      received += lines.rows
      yield lines
    }
    await expectRows(connection, received)
  }

  /** A stream that fails in the middle ends like a whole one. From a table it does not fail, and its rows can be counted. */
  async function makeAnswer(connection: DuckDBConnection): Promise<void> {
    await prepareDuckdb(connection, query.views)
    await withProgress(connection, outer.onProgress, () => run(connection, 'CREATE TEMP TABLE answer AS ', query.sql))
  }
}

async function expectRows(connection: DuckDBConnection, received: number): Promise<void> {
  const count = await connection.runAndReadAll('SELECT COUNT(*) FROM answer')
  const expected = Number(count.getRows()[0]?.[0])
  if (received !== expected) {
    throw new MillraceError('UNAVAILABLE', `Expected ${expected} rows from DuckDB, it gave up after ${received}.`, {
      hint: 'It may have run out of memory or of disk: repeat with less at a time.',
    })
  }
}

/** What every connection of the engine needs: places in errors, and the views. */
export async function prepareDuckdb(connection: DuckDBConnection, views: readonly string[]): Promise<void> {
  await connection.run(`SET errors_as_json = true; SET enable_progress_bar = true; SET enable_progress_bar_print = false;
    SET TimeZone = 'UTC'`)
  for (const view of views) await connection.run(view)
}

/** Runs a query within other words; what is wrong with the query is said in terms of its own text. */
export async function run(connection: DuckDBConnection, prefix: string, sql: DuckdbSql, suffix = ''): Promise<Row[]> {
  try {
    const reader = await connection.runAndReadAll(`${prefix}${sql.text}${suffix}`)
    return reader.getRows()
  } catch (error) {
    throw explainDuckdbError(error, sql, Buffer.byteLength(prefix))
  }
}

/** Calls back while `work` runs, as far as DuckDB knows how much there is. */
export async function withProgress<T>(
  connection: DuckDBConnection,
  onProgress: EngineCall['onProgress'],
  work: () => Promise<T>,
): Promise<T> {
  if (!onProgress) return await work()
  let last = 0
  const tell = (fraction: number) => {
    if (fraction <= last) return
    last = fraction
    onProgress(fraction)
  }
  const timer = setInterval(() => tell(Math.min(connection.progress.percentage / 100, 1)), PROGRESS_MILLIS)
  try {
    const result = await work()
    tell(1)
    return result
  } finally {
    clearInterval(timer)
  }
}

interface DuckdbErrorText {
  exception_type: string
  exception_message: string
  position?: string
  error_subtype?: string
}

/** Errors of DuckDB that are not about what it was asked. */
const OTHER_CODES: Readonly<Record<string, (said: string) => MillraceError | undefined>> = {
  Interrupt: () => undefined,
  INTERNAL: () => undefined,
  Fatal: () => undefined,
  'Out of Memory': said =>
    new MillraceError('UNAVAILABLE', `DuckDB has not enough memory: ${said}`, {
      hint: 'Free disk space in the data directory, where it puts what does not fit, or bind a larger engine (MILLRACE_ENGINE_URL).',
    }),
  Permission: said =>
    new MillraceError('FORBIDDEN', `DuckDB: ${said}`, {
      hint: 'The SQL may read files of the storage alone, and change nothing; use the views that are there.',
    }),
}

/** A MillraceError for what DuckDB threw; anything else, and its own faults, come back as they are. */
export function explainDuckdbError(error: unknown, sql: DuckdbSql, prefixBytes = 0, about = ''): unknown {
  if (hasCode(error, 'BAD_USER_INPUT') || !(error instanceof Error)) return error
  const problem = parseError(error.message)
  if (!problem) return error
  const { exception_type: type, exception_message, error_subtype: errorClass, position } = problem
  const said = `${about && `${about}: `}${exception_message}`
  if (Object.hasOwn(OTHER_CODES, type)) return OTHER_CODES[type]!(said) ?? error
  if (type === 'IO' && /No files found|Cannot open file/.test(said)) {
    return new MillraceError('NOT_FOUND', `DuckDB: ${said}`, { cause: error })
  }
  if (type === 'IO') return new MillraceError('UNAVAILABLE', `DuckDB: ${said}`, { cause: error })
  const offset = position === undefined ? -1 : Number(position) - prefixBytes
  const place = offset < 0 ? null : sql.placeOf(offset)
  return sqlError(ENGINE, { said, errorClass: errorClass ?? type, place }, { cause: error })
}

/** The JSON that `errors_as_json` makes of an error, sometimes behind a few words. */
function parseError(message: string): DuckdbErrorText | undefined {
  const json = /\{"exception_type".*\}$/s.exec(message)?.[0]
  if (json === undefined) return undefined
  return JSON.parse(json) as DuckdbErrorText
}

function noSelect(got: string): MillraceError {
  const said = `expected a single SELECT, got ${got}`
  return sqlError(ENGINE, { said, errorClass: null, place: null })
}

function literalOf(name: string, value: SqlValues[string]): string {
  if (value === null) return 'NULL'
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE'
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return `CAST(${value} AS BIGINT)`
  if (typeof value === 'number') return `CAST('${value}' AS DOUBLE)`
  if (value.includes('\0')) {
    throw new MillraceError('BAD_USER_INPUT', `Expected a value for :${name} without NUL characters, got one with.`)
  }
  return quoteDuckdbText(value)
}
