import type { Call } from './call.ts'
import type { MysqlConnection } from './mysqlConnection.ts'

/** Connections that are kept for a while after their use: for callers that ask the same small question many times a second. */
export interface MysqlPool {
  /** `work` has a connection of its own. The caller's signal closes it, and with it ends what runs on the server. */
  use<T>(call: Call, work: (connection: MysqlConnection) => Promise<T>): Promise<T>
  /** Closes those that are idle. */
  close(): void
}

const MOST_IDLE = 2
const IDLE_MILLIS = 10_000

interface Idle {
  connection: MysqlConnection
  timer: NodeJS.Timeout
}

/** `open` connects; an abort of its signal, which is the caller's, gives up the attempt and closes the connection later on. */
export function mysqlPool(open: (signal: AbortSignal) => Promise<MysqlConnection>): MysqlPool {
  const idle: Idle[] = []

  function take(): MysqlConnection | undefined {
    for (;;) {
      const last = idle.pop()
      if (!last) return undefined
      clearTimeout(last.timer)
      if (last.connection.isOpen()) return last.connection
    }
  }

  function keep(connection: MysqlConnection): void {
    if (!connection.isOpen()) return
    if (idle.length >= MOST_IDLE) {
      connection.close()
      return
    }
    const kept: Idle = { connection, timer: setTimeout(() => drop(kept), IDLE_MILLIS).unref() }
    idle.push(kept)
  }

  function drop(kept: Idle): void {
    idle.splice(idle.indexOf(kept), 1)
    kept.connection.close()
  }

  return {
    async use({ signal }, work) {
      signal?.throwIfAborted()
      const opening = new AbortController()
      let connection: MysqlConnection | undefined
      const onAbort = () => (connection ? connection.close() : opening.abort(signal?.reason))
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        connection = take() ?? (await open(opening.signal))
        const result = await work(connection)
        signal?.throwIfAborted()
        keep(connection)
        return result
      } catch (error) {
        // Whatever state it is in, a transaction for example, goes with it.
        connection?.close()
        signal?.throwIfAborted()
        throw error
      } finally {
        signal?.removeEventListener('abort', onAbort)
      }
    },
    close() {
      for (const { connection, timer } of idle.splice(0)) {
        clearTimeout(timer)
        connection.close()
      }
    },
  }
}
