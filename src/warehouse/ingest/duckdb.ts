import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api'

/** A DuckDB of its own for one piece of work, in `file`; the signal interrupts it and its reason is thrown. */
export async function withDuckdb<T>(
  file: string,
  signal: AbortSignal,
  work: (ask: (sql: string) => Promise<DuckDBValue[][]>) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const instance = await DuckDBInstance.create(file)
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
  }
}

async function ask(connection: DuckDBConnection, sql: string, signal: AbortSignal): Promise<DuckDBValue[][]> {
  signal.throwIfAborted()
  return (await connection.runAndReadAll(sql)).getRows()
}
