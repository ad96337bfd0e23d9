import { createReadStream } from 'node:fs'
import type { DuckDBValue } from '@duckdb/node-api'
import { text } from '../../randomSql.ts'
import { CITIZEN_COLUMNS, type CitizenColumn } from '../citizenColumns.ts'
import { withDuckdb } from './duckdb.ts'

export interface Citizens {
  /** In the Parquet file. */
  rows: number
  /** Rows that are not in it, ascending by line. */
  rejected: RejectedRow[]
}

export interface RejectedRow {
  /** Of the file, counted from 1, the header being the first; a row with line breaks in it begins there. */
  line: number
  reason: string
  /** The row as it is in the file; bytes that are no UTF-8 are shown as "?". */
  row: string
}

type Ask = (sql: string) => Promise<DuckDBValue[][]>

/**
 * Reads citizens_data.csv into a Parquet file with the types of CITIZEN_COLUMNS, without the rows that cannot be used: too few or too many
 * fields, a value of another type or none where one is needed, bytes that are no UTF-8, an id that has come before.
 *
 * Most files have no such row: they are read once. Where there are some, a second pass finds them out one by one.
 */
export async function readCitizens(csv: string, parquet: string, signal: AbortSignal): Promise<Citizens> {
  return await withDuckdb(`${parquet}.duckdb`, signal, async ask => {
    const clean = await readClean(ask, csv, parquet)
    return clean ?? (await readWithRejects(ask, csv, parquet, signal))
  })
}

/** undefined where any row cannot be used. */
async function readClean(ask: Ask, csv: string, parquet: string): Promise<Citizens | undefined> {
  await ask(`COPY (SELECT ${selectList()} FROM ${csvRows(csv, true)}) TO ${text(parquet)} (FORMAT parquet)`)
  const unusable = CITIZEN_COLUMNS.map(({ name, optional }) => (optional ? `isnan(${name})` : `${name} IS NULL`))
  const [counts] = await ask(
    `SELECT (SELECT count(*) FROM reject_errors), count(*), count(DISTINCT citizen_id), count_if(${unusable.join(' OR ')})
     FROM read_parquet(${text(parquet)})`,
  )
  const [rejected, rows, ids, bad] = counts!.map(Number)
  return rejected === 0 && ids === rows && bad === 0 ? { rows: rows!, rejected: [] } : undefined
}

async function readWithRejects(ask: Ask, csv: string, parquet: string, signal: AbortSignal): Promise<Citizens> {
  await ask('DROP TABLE reject_errors')
  await ask('DROP TABLE reject_scans')
  await ask(`CREATE TABLE found AS SELECT row_number() OVER () AS place, * FROM ${csvRows(csv, false)}`)
  await ask(
    `CREATE TABLE checked AS
     SELECT place, ${problemSql()} AS problem FROM (SELECT *, row_number() OVER (PARTITION BY citizen_id ORDER BY place) AS time FROM found)`,
  )
  await ask(
    `COPY (SELECT ${selectList()} FROM found JOIN checked USING (place) WHERE problem IS NULL ORDER BY place)
     TO ${text(parquet)} (FORMAT parquet)`,
  )
  const [count] = await ask('SELECT count(*) FROM checked WHERE problem IS NULL')
  const rejected = [...(await unusableRows(ask)), ...(await unreadableRows(ask, csv, signal))]
  return { rows: Number(count![0]), rejected: rejected.sort((one, other) => one.line - other.line) }
}

/** Rows that have all their fields. Their line is that of the header, and the lines of all rows before, those that DuckDB rejected too. */
async function unusableRows(ask: Ask): Promise<RejectedRow[]> {
  const breaks = `(${CITIZEN_COLUMNS.map(({ name }) => lineBreaks(`coalesce(${name}, '')`)).join(' + ')})`
  const fields = CITIZEN_COLUMNS.map(
    ({ name }) => `CASE WHEN ${name} ^@ '"' OR regexp_matches(${name}, '[,"\\n\\r]')
    THEN '"' || replace(${name}, '"', '""') || '"' ELSE ${name} END`,
  )
  const rows = await ask(
    `WITH lines AS (
       SELECT place, coalesce(sum(1 + ${breaks}) OVER (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
       FROM found
     ), unreadable AS (
       -- DuckDB numbers records, the header being the first; "place" is where this one would be without the others.
       SELECT place, max(taken) AS taken FROM (
         SELECT line - row_number() OVER (ORDER BY line) AS place, sum(1 + ${lineBreaks('csv_line')}) OVER (ORDER BY line) AS taken
         FROM (SELECT DISTINCT ON (line) line, csv_line FROM reject_errors)
       ) GROUP BY place
     )
     SELECT 2 + before + coalesce(taken, 0), problem, concat_ws(',', ${fields.map(field => `coalesce(${field}, '')`).join(', ')})
     FROM checked JOIN found USING (place) JOIN lines USING (place) ASOF LEFT JOIN unreadable ON found.place >= unreadable.place
     WHERE problem IS NOT NULL`,
  )
  return rows.map(([line, problem, row]) => ({ line: Number(line), reason: String(problem), row: String(row) }))
}

/** Rows that DuckDB could not take apart. */
async function unreadableRows(ask: Ask, csv: string, signal: AbortSignal): Promise<RejectedRow[]> {
  const rows = await ask(
    `SELECT DISTINCT ON (line) line_byte_position, error_type, error_message, csv_line FROM reject_errors ORDER BY line`,
  )
  const lines = await lineNumbers(
    csv,
    rows.map(([position]) => Number(position)),
    signal,
  )
  return rows.map(([, type, message, row], index) => ({
    line: lines[index]!,
    reason: REASONS[String(type)] ?? String(message),
    row: String(row),
  }))
}

const COLUMNS = CITIZEN_COLUMNS.length
const REASONS: Readonly<Record<string, string>> = {
  'MISSING COLUMNS': `expected ${COLUMNS} fields, found fewer`,
  'TOO MANY COLUMNS': `expected ${COLUMNS} fields, found more`,
  'UNQUOTED VALUE': 'expected a comma or the end of the line after a closing quote',
  'INVALID ENCODING': 'expected UTF-8, found bytes that are none',
}

/** The lines in which bytes of a file lie; positions ascending, from 0 or 1 on: a row's first byte or the one before it. */
async function lineNumbers(file: string, positions: readonly number[], signal: AbortSignal): Promise<number[]> {
  const result: number[] = []
  let line = 1
  let offset = 0
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
    const chunk = piece as Buffer
    let at = 0
    while (result.length < positions.length) {
      const next = chunk.indexOf(0x0a, at)
      const end = next === -1 ? chunk.length : next + 1
      while (result.length < positions.length && positions[result.length]! < offset + end) result.push(line)
      if (next === -1) break
      line += 1
      at = end
    }
    offset += chunk.length
  }
  while (result.length < positions.length) result.push(line)
  return result
}

/**
 * The reader that keeps aside what it cannot take apart, in the table reject_errors; all fields as text, empty ones NULL. In parallel it could take
 * a line break in quotes for the end of a row where a part begins: then there is a row that cannot be used, and it is read in one piece.
 */
function csvRows(csv: string, parallel: boolean): string {
  const columns = CITIZEN_COLUMNS.map(({ name }) => `${text(name)}: 'VARCHAR'`)
  return `read_csv(${text(csv)}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
    columns = {${columns.join(', ')}}, store_rejects = true, rejects_limit = 0, parallel = ${parallel})`
}

/** Values as their types; NULL for what cannot be one, NaN in an optional column. */
function selectList(): string {
  return CITIZEN_COLUMNS.map(column => `${valueSql(column)} AS ${column.name}`).join(', ')
}

function valueSql({ name, type, optional }: CitizenColumn): string {
  const value = typedSql(name, type.kind)
  return optional ? `coalesce(${value}, CASE WHEN ${name} IS NOT NULL THEN CAST('NaN' AS DOUBLE) END)` : value
}

/** DuckDB's casts take more than is meant: "1.5" as a whole number, "2026-1-1" as a date, "nan" as an amount. */
function typedSql(name: string, kind: CitizenColumn['type']['kind']): string {
  switch (kind) {
    case 'integer':
      return `CASE WHEN regexp_full_match(${name}, '-?\\d{1,18}') THEN TRY_CAST(${name} AS BIGINT) END`
    case 'date':
      return `CASE WHEN length(${name}) = 10 THEN TRY_CAST(${name} AS DATE) END`
    case 'timestamp':
      return `CASE WHEN length(${name}) >= 19 THEN TRY_CAST(${name} AS TIMESTAMP) END`
    case 'float':
      return `CASE WHEN isfinite(TRY_CAST(${name} AS DOUBLE)) THEN TRY_CAST(${name} AS DOUBLE) END`
    default:
      return name
  }
}

/** What is wrong with a row of `found`, of which `time` says how often its id has come; NULL for nothing. */
function problemSql(): string {
  const cases = CITIZEN_COLUMNS.map(column => {
    const { name, type, optional, expected } = column
    const bad = `${typedSql(name, type.kind)} IS NULL${optional ? ` AND ${name} IS NOT NULL` : ''}`
    const found = `coalesce('"' || left(${name}, 60) || '"', 'nothing')`
    return `WHEN ${bad} THEN ${text(`${name}: expected ${expected}, found `)} || ${found}`
  })
  return `CASE ${cases.join(' ')} WHEN time > 1 THEN 'citizen_id: ' || citizen_id || ' has come before' END`
}

function lineBreaks(value: string): string {
  return `(length(${value}) - length(replace(${value}, chr(10), '')))`
}
