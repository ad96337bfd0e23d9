import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { text } from '../../randomSql.ts'
import { loansSelect, prepareLoans } from './loanSql.ts'
import { LOAN_TYPES, SAMPLE_LOANS } from './schema.ts'

export interface SampleProgress {
  /** Rows of `loans`. */
  done: number
  total: number
}

export interface CreateSampleOptions {
  /** The DuckDB file to make; one that is there is replaced, whole or not at all. */
  file: string
  /** A whole number from 0 to 2^32 - 1; the same seed makes the same rows on every machine. */
  seed?: number
  /** DuckDB's threads; the rows do not depend on them. */
  threads?: number
  onProgress?: (progress: SampleProgress) => void
  signal?: AbortSignal
}

export const SAMPLE_SEED = 544

const PROGRESS_EVERY_MILLIS = 100

/** Makes the sample: the tables `loans` and `loan_types` of the course, filled with plausible rows. Takes seconds. */
export async function createSample(options: CreateSampleOptions): Promise<void> {
  const { file, seed = SAMPLE_SEED, threads, signal } = options
  signal?.throwIfAborted()
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}-${Date.now()}.making`
  try {
    const instance = await DuckDBInstance.create(temporary, threads === undefined ? {} : { threads: String(threads) })
    try {
      await fill(await instance.connect(), seed, options)
    } finally {
      instance.closeSync()
    }
    signal?.throwIfAborted()
    await flush(temporary)
    await rename(temporary, file)
    await flush(dirname(file))
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    await rm(temporary, { force: true })
    await rm(`${temporary}.wal`, { force: true })
  }
}

async function fill(
  connection: DuckDBConnection,
  seed: number,
  { onProgress, signal }: CreateSampleOptions,
): Promise<void> {
  const interrupt = () => connection.interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })
  let done = 0
  const timer = setInterval(() => {
    // It is -1 between statements.
    done = Math.max(done, Math.floor((connection.progress.percentage / 100) * SAMPLE_LOANS))
    onProgress?.({ done, total: SAMPLE_LOANS })
  }, PROGRESS_EVERY_MILLIS)
  try {
    await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false')
    for (const statement of prepareLoans(seed)) await connection.run(statement)
    await connection.run('CREATE TABLE loan_types (id BIGINT NOT NULL PRIMARY KEY, loan_type_name VARCHAR)')
    const types = LOAN_TYPES.map(([id, name]) => `(${id}, ${text(name)})`)
    await connection.run(`INSERT INTO loan_types VALUES ${types.join(', ')}`)
    signal?.throwIfAborted()
    await connection.run(`CREATE TABLE loans AS ${loansSelect(seed)}`)
    await connection.run('CHECKPOINT')
    onProgress?.({ done: SAMPLE_LOANS, total: SAMPLE_LOANS })
  } finally {
    clearInterval(timer)
    signal?.removeEventListener('abort', interrupt)
    connection.closeSync()
  }
}

/** So that the name never survives a crash without the content. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
