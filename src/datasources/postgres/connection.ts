import { Socket } from 'node:net'
import { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { MillraceError } from '../../errors.ts'
import type { Row } from '../source.ts'
import type { SqlParameter } from '../warehouseSession.ts'
import { explainPostgresError } from './errors.ts'
import { type PostgresAddress, showPostgresAddress } from './url.ts'

export interface PostgresDeadlines {
  /** From the first packet to an accepted login. */
  connectMillis: number
  /** For a statement that should be quick. */
  statementMillis: number
  /** Between two looks whether the server still answers while a long statement runs. Each look has statementMillis. */
  heartbeatMillis: number
  /** For a lock that another publication of the same date holds. */
  lockMillis: number
}

export const POSTGRES_DEADLINES: PostgresDeadlines = {
  connectMillis: 5_000,
  statementMillis: 15_000,
  heartbeatMillis: 5_000,
  lockMillis: 600_000,
}

export interface PostgresAnswer {
  /** Values as PostgreSQL writes them, null for NULL. */
  rows: Row[]
  /** Rows that were changed or given. */
  count: number
}

/** One connection for one caller. Every failure is explained by errors.ts. */
export interface PostgresConnection {
  /** Of the server's process. */
  readonly pid: number
  query(sql: string, values?: readonly SqlParameter[]): Promise<PostgresAnswer>
  /** The same for a statement that may take long: it ends when the server no longer answers others. */
  long(sql: string, values?: readonly SqlParameter[]): Promise<PostgresAnswer>
  /** COPY ... FROM STDIN; chunks are taken as fast as the server reads them. Errors of `chunks` are thrown as they are. */
  copyIn(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<void>
  /** Drops the connection at once, whatever is under way, and asks the server to end what still runs. */
  close(): void
}

/** Connects and logs in. An abort of `signal` closes the connection; calls then throw its reason. */
export async function openPostgresConnection(
  address: PostgresAddress,
  deadlines: PostgresDeadlines,
  signal?: AbortSignal,
): Promise<PostgresConnection> {
  signal?.throwIfAborted()
  // Our own socket: pg's own way to end waits for the server.
  const socket = new Socket().setNoDelay(true)
  const client = new Client({
    ...clientOptions(address),
    stream: () => socket,
    connectionTimeoutMillis: deadlines.connectMillis,
  })
  let failed: { error: unknown } | undefined
  let busy = 0
  let pid = 0
  const failures = new Set<(error: unknown) => void>()

  function fail(error: unknown): void {
    if (failed) return
    failed = { error }
    signal?.removeEventListener('abort', onAbort)
    socket.destroy()
    for (const reject of failures) reject(error)
    failures.clear()
  }
  function onAbort(): void {
    close(signal?.reason)
  }
  function close(reason: unknown): void {
    if (failed) return
    const running = busy > 0
    fail(reason)
    if (running && pid !== 0) cancelStatement(address, deadlines, pid)
  }
  client.on('error', error => fail(explainPostgresError(error, address)))
  signal?.addEventListener('abort', onAbort, { once: true })

  /** Settles as `work` does, or fails with the connection. */
  async function untilFailure<T>(work: () => Promise<T>): Promise<T> {
    if (failed) throw failed.error
    const failure = Promise.withResolvers<never>()
    failures.add(failure.reject)
    busy += 1
    try {
      return await Promise.race([work(), failure.promise])
    } catch (error) {
      throw reasonOf(error)
    } finally {
      busy -= 1
      failures.delete(failure.reject)
    }
  }

  function reasonOf(error: unknown): unknown {
    if (failed) return failed.error
    return error instanceof ChunkError ? error.cause : explainPostgresError(error, address)
  }

  async function ask(sql: string, values: readonly SqlParameter[]): Promise<PostgresAnswer> {
    const result = await client.query<unknown[]>({ text: sql, values: [...values], rowMode: 'array' })
    return { rows: result.rows, count: result.rowCount ?? 0 }
  }

  async function within<T>(millis: number, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => close(silent(address, millis)), millis)
    try {
      return await untilFailure(work)
    } finally {
      clearTimeout(timer)
    }
  }

  /** While `work` runs, a second connection asks the server for its pulse. */
  async function whileAlive<T>(work: () => Promise<T>): Promise<T> {
    const stop = beat(address, deadlines, error => close(error))
    try {
      return await untilFailure(work)
    } finally {
      stop()
    }
  }

  async function copyIn(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const copy = client.query(copyFrom(sql))
    const ended = Promise.withResolvers<void>()
    copy.on('finish', ended.resolve)
    copy.on('error', ended.reject)
    ended.promise.catch(() => undefined) // waited for below
    try {
      for await (const chunk of chunks) {
        if (copy.errored) break
        if (copy.write(chunk)) continue
        const drained = Promise.withResolvers<void>()
        copy.once('drain', drained.resolve)
        await Promise.race([drained.promise, ended.promise])
      }
    } catch (cause) {
      if (copy.errored) throw cause
      // Tells the server, which answers; then the connection can be used again.
      copy.destroy(new Error('The rows to copy failed.'))
      await ended.promise.catch(() => undefined)
      throw new ChunkError('the rows to copy failed', { cause })
    }
    copy.end()
    await ended.promise
  }

  try {
    await untilFailure(() => client.connect())
    const { rows } = await within(deadlines.statementMillis, () => ask(SESSION_SQL, []))
    pid = Number(rows[0]?.[0])
  } catch (error) {
    fail(error)
    throw error
  }
  return {
    pid,
    query: (sql, values = []) => within(deadlines.statementMillis, () => ask(sql, values)),
    long: (sql, values = []) => whileAlive(() => ask(sql, values)),
    copyIn: (sql, chunks) => whileAlive(() => copyIn(sql, chunks)),
    close() {
      if (busy > 0)
        close(new MillraceError('CANCELLED', 'The connection to PostgreSQL was closed while it was in use.'))
      else quit()
    },
  }

  /** A server that is told so does not log a lost connection. */
  function quit(): void {
    if (failed) return
    failed = { error: new MillraceError('CANCELLED', 'The connection to PostgreSQL is closed.') }
    signal?.removeEventListener('abort', onAbort)
    client.end().catch(() => undefined)
    socket.unref()
    setTimeout(() => socket.destroy(), deadlines.statementMillis).unref()
  }
}

/**
 * What values look like does not depend on the server's settings. From version 14 on the server notices in the middle of a
 * statement that nobody waits for it any more.
 */
const SESSION_SQL = `SELECT pg_backend_pid(), set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false),
  set_config('bytea_output', 'hex', false), CASE WHEN current_setting('server_version_num')::int >= 140000
  THEN set_config('client_connection_check_interval', '5000', false) END`

function clientOptions({ host, port, user, password, database, tls }: PostgresAddress) {
  return {
    host,
    port,
    user,
    password,
    database,
    application_name: 'millrace',
    // All values as PostgreSQL writes them: what they are is known from the columns.
    types: { getTypeParser: () => (text: string) => text },
    ...(tls ? { ssl: { rejectUnauthorized: true } } : {}),
  }
}

/** Keeps what was wrong with the rows apart from what was wrong with PostgreSQL. */
class ChunkError extends Error {}

/** Asks again and again on a connection of its own; calls back once, when no answer comes. */
function beat(address: PostgresAddress, deadlines: PostgresDeadlines, onSilence: (error: unknown) => void): () => void {
  const stopping = new AbortController()
  let pulse: PostgresConnection | undefined
  const once = async () => {
    pulse ??= await openPostgresConnection(address, deadlines, stopping.signal)
    await pulse.query('SELECT 1')
  }
  let timer: NodeJS.Timeout | undefined
  const next = () => {
    timer = setTimeout(() => {
      once().then(next, (error: unknown) => {
        if (!stopping.signal.aborted) onSilence(error)
      })
    }, deadlines.heartbeatMillis)
  }
  next()
  return () => {
    clearTimeout(timer)
    if (pulse) pulse.close()
    else stopping.abort(new MillraceError('CANCELLED', 'Nobody asks for the pulse any more.'))
  }
}

/** Without this a server that is busy would go on, for before version 14 it notices a closed socket only when it writes. */
function cancelStatement(address: PostgresAddress, deadlines: PostgresDeadlines, pid: number): void {
  const signal = AbortSignal.timeout(deadlines.connectMillis)
  openPostgresConnection(address, deadlines, signal)
    .then(async connection => {
      await connection.query('SELECT pg_cancel_backend($1)', [pid]).catch(() => undefined)
      connection.close()
    })
    .catch(() => undefined) // nobody waits for the answer
}

function silent(address: PostgresAddress, millis: number): MillraceError {
  return new MillraceError(
    'UNAVAILABLE',
    `PostgreSQL at ${showPostgresAddress(address)} said nothing for ${millis / 1000} s.`,
    { hint: 'Check that PostgreSQL runs and that no lock is held on the tables, then repeat.' },
  )
}
