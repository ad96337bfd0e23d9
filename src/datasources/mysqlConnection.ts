import { connect, type Socket } from 'node:net'
import { createConnection } from 'mysql2'
import { MillraceError } from '../errors.ts'
import { explainMysqlError } from './mysqlErrors.ts'
import { connectSharedSocket, type SharedSocket } from './mysqlTakeover.ts'
import { type MysqlAddress, showMysqlAddress } from './mysqlUrl.ts'
import { queryWire } from './mysqlWireQuery.ts'
import type { Row } from './source.ts'
import type { WireRows } from './wireRows.ts'

export interface MysqlDeadlines {
  /** From the first packet to an accepted login. */
  connectMillis: number
  /** The longest silence while we wait for the server and have not paused it ourselves. */
  silenceMillis: number
  /** For asking the server to end a query that nobody reads any more. */
  killMillis: number
}

export const MYSQL_DEADLINES: MysqlDeadlines = { connectMillis: 5_000, silenceMillis: 30_000, killMillis: 2_000 }

/** A prepared statement's parameters. */
export type MysqlValue = string | number | null

/** One connection for one caller. Every failure is explained by mysqlErrors.ts. */
export interface MysqlConnection {
  /** All rows of a prepared statement, values by the binary protocol. */
  execute(sql: string, values?: MysqlValue[]): Promise<Row[]>
  /** The rows of a prepared statement in batches; the server is paused while more than one batch waits to be read. */
  batches(sql: string, values: MysqlValue[], rowsPerBatch: number): AsyncGenerator<Row[], void, undefined>
  /**
   * The rows of a SELECT without parameters in the bytes in which they come, paused as those of batches(); missing on a connection with TLS, whose bytes
   * only mysql2 sees.
   */
  wireRows?(sql: string): AsyncGenerator<WireRows, void, undefined>
  /** Runs a statement whose text has all in it, for example a long INSERT. */
  run(sql: string): Promise<void>
  /** Drops the connection at once, whatever is under way, and asks the server to end a query that still runs. */
  close(): void
  /** False once it was closed, or has failed. */
  isOpen(): boolean
}

/** The server gives up on a reader that is paused for longer; the default of a minute is less than a hanging storage takes. */
const WRITE_TIMEOUT_SECONDS = 3_600
const READY_BATCHES = 2

/** Connects and logs in. An abort of `signal` closes the connection; calls then throw its reason. */
export async function openMysqlConnection(
  address: MysqlAddress,
  deadlines: MysqlDeadlines,
  signal?: AbortSignal,
): Promise<MysqlConnection> {
  signal?.throwIfAborted()
  // Our own socket, because mysql2's destroy() only half-closes its own: a server that is writing would not notice.
  // Only without TLS are the bytes of the socket those of the protocol.
  const shared = address.tls ? undefined : connectSharedSocket(address.port, address.host)
  const socket = (shared?.socket ?? connect(address.port, address.host)).setNoDelay(true)
  const connection = createConnection(connectionOptions(address, deadlines, socket))
  const silence = watchSilence(socket, deadlines.silenceMillis)
  let running = false
  let failed: { error: unknown } | undefined
  const failures = new Set<(error: unknown) => void>()

  function fail(error: unknown): void {
    if (failed) return
    failed = { error }
    silence.stop()
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
    if (running) {
      fail(reason)
      killQuery(address, deadlines, connection.threadId)
    } else if (failures.size > 0) {
      fail(reason)
    } else {
      quit(reason)
    }
  }
  /** A server that is told so does not log an aborted connection. */
  function quit(reason: unknown): void {
    failed = { error: reason }
    signal?.removeEventListener('abort', onAbort)
    connection.end()
    socket.unref()
    setTimeout(() => socket.destroy(), deadlines.killMillis).unref()
  }
  function onSilence(): void {
    const seconds = deadlines.silenceMillis / 1000
    close(
      new MillraceError('UNAVAILABLE', `MySQL at ${showMysqlAddress(address)} said nothing for ${seconds} s.`, {
        hint: 'Check that MySQL runs and that no lock is held on the tables, then repeat.',
      }),
    )
  }
  connection.on('error', (error: unknown) => fail(explainMysqlError(error, address)))
  signal?.addEventListener('abort', onAbort, { once: true })

  /** Runs `start` until it settles or the connection fails. */
  async function untilFailure<T>(start: (done: (error: unknown, result: T) => void) => void): Promise<T> {
    if (failed) throw failed.error
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    failures.add(reject)
    try {
      start((error, result) => (error ? reject(explainMysqlError(error, address)) : resolve(result)))
      return await promise
    } finally {
      failures.delete(reject)
    }
  }
  async function statement<T>(start: (done: (error: unknown, result: T) => void) => void): Promise<T> {
    running = true
    silence.start(onSilence)
    try {
      return await untilFailure(start)
    } finally {
      running = false
      silence.stop()
    }
  }

  async function* batches(sql: string, values: MysqlValue[], rowsPerBatch: number) {
    const ready: Row[][] = []
    let batch: Row[] = []
    let ended = false
    let paused = false
    let wake: (() => void) | undefined
    let error: { error: unknown } | undefined
    const onFailure = (cause: unknown) => {
      error ??= { error: cause }
      wake?.()
    }
    if (failed) throw failed.error
    running = true
    failures.add(onFailure)
    silence.start(onSilence)
    connection
      .execute({ sql, values, rowsAsArray: true })
      .on('result', (row: unknown) => {
        batch.push(row as Row)
        if (batch.length < rowsPerBatch) return
        ready.push(batch)
        batch = []
        if (ready.length >= READY_BATCHES && !paused) {
          paused = true
          silence.stop()
          connection.pause()
        }
        wake?.()
      })
      .on('error', (cause: unknown) => onFailure(explainMysqlError(cause, address)))
      // mysql2 says `end` after an error too: what came first counts.
      .on('end', () => {
        ended = true
        running = false
        silence.stop()
        wake?.()
      })
    try {
      for (;;) {
        if (error) throw error.error
        const next = ready.shift()
        if (next) {
          yield next
        } else if (ended) {
          if (batch.length > 0) yield batch
          return
        } else {
          if (paused) {
            paused = false
            silence.start(onSilence)
            connection.resume()
          }
          // resume() may have filled a batch, or ended, before it returned.
          if (ready.length === 0 && !ended && !error) {
            await new Promise<void>(resolve => {
              wake = resolve
            })
            wake = undefined
          }
        }
      }
    } finally {
      failures.delete(onFailure)
      silence.stop()
    }
  }

  async function* wireRows(takeOver: SharedSocket['takeOver'], sql: string) {
    if (failed) throw failed.error
    running = true
    const exchange = takeOver({
      watch: { start: () => silence.start(onSilence), stop: silence.stop },
      onFailure(reject) {
        failures.add(reject)
        return () => failures.delete(reject)
      },
    })
    try {
      yield* queryWire(exchange, sql)
      running = false
    } catch (error) {
      throw explainMysqlError(error, address)
    } finally {
      exchange.release()
    }
  }

  try {
    await untilFailure<void>(done => connection.connect(error => done(error, undefined)))
    await statement<unknown>(done =>
      connection.query(`SET time_zone = '+00:00', net_write_timeout = ${WRITE_TIMEOUT_SECONDS}`, done),
    )
  } catch (error) {
    fail(error)
    throw error
  }
  return {
    execute: (sql, values = []) =>
      statement<Row[]>(done =>
        connection.execute({ sql, values, rowsAsArray: true }, (error, rows) => done(error, rows as unknown as Row[])),
      ),
    batches,
    ...(shared && { wireRows: sql => wireRows(shared.takeOver, sql) }),
    run: sql => statement<void>(done => connection.query(sql, error => done(error, undefined))),
    close: () => close(new MillraceError('CANCELLED', 'The connection to MySQL was closed while it was in use.')),
    isOpen: () => failed === undefined,
  }
}

function connectionOptions(address: MysqlAddress, deadlines: MysqlDeadlines, socket: Socket) {
  const { host, port, user, password, database, tls } = address
  return {
    host,
    port,
    user,
    password,
    database,
    stream: () => socket,
    connectTimeout: deadlines.connectMillis,
    charset: 'UTF8MB4_GENERAL_CI',
    dateStrings: true,
    jsonStrings: true,
    supportBigNumbers: true,
    ...(tls ? { ssl: { rejectUnauthorized: true, verifyIdentity: true } } : {}),
  }
}

/** Calls back once nothing has been received for `millis`, at most a quarter of it too late; costs nothing per row. */
function watchSilence(socket: Socket, millis: number) {
  const TICKS = 4
  let timer: NodeJS.Timeout | undefined
  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }
  function start(onSilence: () => void): void {
    stop()
    let received = socket.bytesRead
    let silentTicks = 0
    timer = setInterval(() => {
      silentTicks = socket.bytesRead === received ? silentTicks + 1 : 0
      received = socket.bytesRead
      if (silentTicks < TICKS) return
      stop()
      onSilence()
    }, millis / TICKS)
  }
  return { start, stop }
}

/** Without this a server that still searches for its first row would go on, for it notices a closed socket only when it writes. */
function killQuery(address: MysqlAddress, deadlines: MysqlDeadlines, threadId: number | null): void {
  if (threadId === null) return
  const { killMillis } = deadlines
  openMysqlConnection(address, { connectMillis: killMillis, silenceMillis: killMillis, killMillis })
    .then(async killer => {
      // The thread is usually gone already (ER_NO_SUCH_THREAD), and nobody waits for the answer.
      await killer.run(`KILL QUERY ${threadId}`).catch(() => undefined)
      killer.close()
    })
    .catch(() => undefined)
}
