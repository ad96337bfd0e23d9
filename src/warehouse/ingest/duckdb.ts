import { rm } from 'node:fs/promises'
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api'

/** What does not fit goes into files beside its own. */
const MEMORY_LIMIT = '1GB'

/** A DuckDB of its own for one piece of work, in `file`, which is gone afterwards; the signal interrupts it and its reason is thrown. */
export async function withDuckdb<T>(
  file: string,
  signal: AbortSignal,
  work: (ask: (sql: string) => Promise<DuckDBValue[][]>) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const instance = await DuckDBInstance.create(file, { memory_limit: MEMORY_LIMIT })
  const connection = await instance.connect()
  const interrupt = () => connection.interrupt()
  signal.addEventListener('abort', interrupt, { once: true })
  try {
    return await work(sql => ask(connection, sql, signal))
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', interrupt)
    connection.closeSync()
    instance.closeSync()
    await Promise.all(['', '.wal', '.tmp'].map(end => rm(`${file}${end}`, { recursive: true, force: true })))
  }
}

async function ask(connection: DuckDBConnection, sql: string, signal: AbortSignal): Promise<DuckDBValue[][]> {
  signal.throwIfAborted()
  return (await connection.runAndReadAll(sql)).getRows()
}
