import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../../errors.ts'
import { text } from '../../randomSql.ts'
import { citizensSelect, MOST_CITIZENS } from './citizensSql.ts'

export interface CreateCitizensOptions {
  /** The CSV to write; one that is there is replaced, whole or not at all. Its folder is made. */
  file: string
  /** YYYY-MM-DD, from 2000 to 2099. */
  date: string
  /** From 1 to 10,000,000. */
  rows: number
  /** The same seed makes the same bytes on every machine. */
  seed?: number
  signal?: AbortSignal
}

const CITIZENS_SEED = 7
const DAY_MILLIS = 86_400_000

/**
 * Writes the citizens of one day as CSV, a few MB at a time; returns how many bytes.
 *
 * Errors: BAD_USER_INPUT for a date or a number of rows that the sample does not have.
 */
export async function createCitizens(options: CreateCitizensOptions): Promise<number> {
  const { file, date, rows, seed = CITIZENS_SEED, signal } = options
  const select = citizensSelect(checkRows(rows), dayOf(date), seed)
  signal?.throwIfAborted()
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}-${Date.now()}.making`
  try {
    await writeCsv(select, temporary, signal)
    await rename(temporary, file)
    return (await stat(file)).size
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeCsv(select: string, file: string, signal: AbortSignal | undefined): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const interrupt = () => connection.interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })
  try {
    signal?.throwIfAborted()
    await connection.run(`COPY (${select}) TO ${text(file)} (FORMAT csv, HEADER true)`)
    await using written = await open(file, 'r')
    await written.sync()
    signal?.throwIfAborted()
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', interrupt)
    connection.closeSync()
    instance.closeSync()
  }
}

function dayOf(date: string): number {
  const millis = Date.parse(`${date}T00:00:00Z`)
  if (/^20\d\d-\d\d-\d\d$/.test(date) && new Date(millis).toISOString().startsWith(date)) return millis / DAY_MILLIS
  throw new MillraceError('BAD_USER_INPUT', `Expected a date from 2000-01-01 to 2099-12-31, but got ${date}.`, {
    hint: 'Write it as YYYY-MM-DD, for example 2026-11-20.',
  })
}

function checkRows(rows: number): number {
  if (Number.isInteger(rows) && rows >= 1 && rows <= MOST_CITIZENS) return rows
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a number of rows from 1 to ${MOST_CITIZENS.toLocaleString('en-US')}, but got ${rows}.`,
    { hint: 'For example --rows 100000.' },
  )
}
