import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'

/** Connections to one DuckDB instance, which is opened when first needed. */
export interface DuckdbConnections {
  /** Runs `use` with a connection of its own, interrupted by the caller's signal and by close(). */
  readonly stream: <T>(call: Call, use: UseConnection<AsyncIterable<T>>) => AsyncGenerator<T, void, undefined>
  /** As stream, for a single answer. */
  readonly answer: <T>(call: Call, ask: UseConnection<Promise<T>>) => Promise<T>
  /** What is under way throws `reason`; resolves when DuckDB has let go of it. Another call opens the instance again. */
  close(reason: MillraceError): Promise<void>
}

type UseConnection<Result> = (connection: DuckDBConnection, signal: AbortSignal) => Result

/** `open` is tried again at the next call where it failed. */
export function duckdbConnections(open: () => Promise<DuckDBInstance>): DuckdbConnections {
  let opening: Promise<DuckDBInstance> | undefined
  let closing = new AbortController()
  /** Calls into DuckDB's own threads: a process that exits, or an instance that closes, beneath one of them crashes. */
  const underWay = new Set<Promise<unknown>>()

  async function tracked<T>(call: Promise<T>): Promise<T> {
    underWay.add(call)
    try {
      return await call
    } finally {
      underWay.delete(call)
    }
  }

  async function connect(): Promise<DuckDBConnection> {
    opening ??= open()
    try {
      return await (await opening).connect()
    } catch (error) {
      opening = undefined
      throw error
    }
  }

  async function* stream<T>(call: Call, use: UseConnection<AsyncIterable<T>>): AsyncGenerator<T, void, undefined> {
    const signal = call.signal ? AbortSignal.any([call.signal, closing.signal]) : closing.signal
    signal.throwIfAborted()
    const connection = await tracked(connect())
    const interrupt = () => connection.interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      signal.throwIfAborted()
      const items = use(connection, signal)[Symbol.asyncIterator]()
      try {
        for (let next = await tracked(items.next()); !next.done; next = await tracked(items.next())) {
          signal.throwIfAborted()
          yield next.value
        }
      } finally {
        await items.return?.()
      }
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', interrupt)
      connection.interrupt()
      connection.closeSync()
    }
  }

  return {
    stream,
    async answer(call, ask) {
      for await (const result of stream(call, (connection, signal) => once(ask(connection, signal)))) return result
      throw new MillraceError('INTERNAL', 'A question to DuckDB had no answer.')
    },
    async close(reason) {
      closing.abort(reason)
      closing = new AbortController()
      while (underWay.size > 0) await Promise.allSettled(underWay)
      const instance = await opening?.catch(() => undefined)
      opening = undefined
      instance?.closeSync()
    },
  }
}

async function* once<T>(promise: Promise<T>): AsyncGenerator<T, void, undefined> {
  yield await promise
}
