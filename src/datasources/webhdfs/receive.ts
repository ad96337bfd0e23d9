import { Agent, request } from 'undici'
import { hasCode, MillraceError } from '../../errors.ts'
import type { Call } from '../call.ts'
import { hedged } from '../hedged.ts'
import type { ByteRange } from '../storage.ts'
import { quoted } from '../storagePath.ts'
import { ConnectionFailure, describeFailure, type Failure, failureOf } from './failure.ts'
import type { HostAddresses } from './hostAddresses.ts'
import { type Liveness, watchSilence } from './liveness.ts'
import { readText } from './nameNode.ts'
import type { NodeHealth } from './nodeHealth.ts'
import { readRemoteException, toMillraceError } from './remoteException.ts'
import type { WebHdfsSettings } from './settings.ts'

/** Asks DataNodes for bytes. */
export interface Receiver {
  /**
   * One answer of one DataNode; its bytes go to `target` as they come. Returns what went wrong where another DataNode may
   * do better, undefined where all bytes came, and throws where none would do better.
   */
  receive(opening: Opening, call: Call): Promise<Trouble | undefined>
  close(): Promise<void>
}

export interface ReceiverParts {
  hosts: HostAddresses
  health: NodeHealth
  liveness: Liveness
  settings: WebHdfsSettings
}

export interface Opening {
  path: string
  /** Where the NameNode sent us for `range`, and the transfer address of the DataNode there. */
  location: URL
  node: string
  range: ByteRange
  target: Target
  /** Silence allowed within the answer. */
  bodyIdleMillis: number
}

/** Where the bytes of one read go; `filled` grows as they arrive. */
export interface Target {
  bytes: Uint8Array
  filled: number
}

export interface Trouble {
  failure: Failure
  words: string
}

export function createReceiver({ hosts, health, liveness, settings }: ReceiverParts): Receiver {
  const agent = new Agent({
    connections: settings.connectionsPerHost,
    connect: { timeout: settings.connectMillis, lookup: hosts.lookup },
    headersTimeout: settings.dataNodeIdleMillis,
  })

  async function receive(opening: Opening, call: Call): Promise<Trouble | undefined> {
    const { path, location, node, range, target } = opening
    let answered = false
    try {
      const { statusCode, headers, body } = await ask(opening, call)
      answered = true
      health.answered(node)
      if (statusCode !== 200) {
        const error = toMillraceError(
          readRemoteException(statusCode, await readText(body, settings.answerBytes)),
          'OPEN',
          path,
        )
        if (!hasCode(error, 'UNAVAILABLE', 'DATA_LOST')) throw error
        return { failure: 'reset', words: `${location.host}: ${error.message}` }
      }
      const promised = Number(headers['content-length'] ?? range.length)
      if (promised < range.length) {
        body.on('error', () => {}).destroy()
        throw endsEarly(path, range, range.offset + promised)
      }
      await fill(target, range.length, body, call)
      return undefined
    } catch (error) {
      call.signal?.throwIfAborted()
      const failure = failureOf(error)
      if (failure === undefined) throw unforeseen(location, error)
      // Silence within an answer is a neighbour's fault more often than not.
      if (!(answered && failure === 'silent')) health.failed(node, failure, location)
      return { failure, words: describeFailure(location.host, failure) }
    }
  }

  /**
   * Sends an OPEN and waits for its answer to begin: shortly where the DataNode hangs, longer where it is alive. That one may
   * wait for a hung neighbour; for another OPEN of the same range it may pick a better one.
   */
  async function ask({ location, node, bodyIdleMillis }: Opening, { signal, cost }: Call) {
    const giveUp = new AbortController()
    const endWatch = watchSilence(liveness, { location, node }, settings, alive => {
      if (!alive) giveUp.abort(new ConnectionFailure('hung', location.host))
    })
    const open = (ended: AbortSignal) => {
      if (cost) cost.requests += 1
      return request(location, {
        method: 'GET',
        dispatcher: agent,
        bodyTimeout: bodyIdleMillis,
        signal: AbortSignal.any([ended, giveUp.signal, ...(signal ? [signal] : [])]),
      })
    }
    const discard = ({ body }: Awaited<ReturnType<typeof open>>) => void body.on('error', () => {}).destroy()
    try {
      const delayMillis = health.isImpaired() ? settings.reopenWhileImpairedMillis : settings.reopenAfterMillis
      return await hedged(open, { attempts: settings.opensAtOnce, delayMillis, discard })
    } finally {
      endWatch()
    }
  }

  return { receive, close: () => agent.destroy() }
}

/** What a DataNode sends beyond the bytes asked for is dropped, with the connection. */
async function fill(target: Target, length: number, body: AsyncIterable<Uint8Array>, { cost }: Call): Promise<void> {
  const end = target.filled + length
  for await (const chunk of body) {
    const piece = chunk.subarray(0, end - target.filled)
    target.bytes.set(piece, target.filled)
    target.filled += piece.length
    if (cost) cost.bytes += piece.length
    if (piece.length < chunk.length) return
  }
  if (target.filled < end) throw new ConnectionFailure('reset', 'the answer ended too early')
}

/** The file is shorter than the read needs: `end` is where it ends. */
export function endsEarly(path: string, { offset, length }: ByteRange, end: number): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `expected ${length} bytes from byte ${offset} of ${quoted(path)}, but the file ends at byte ${end}`,
    { hint: 'The file was cut short or replaced by a shorter one; write it again.' },
  )
}

function unforeseen(location: URL, error: unknown): Error {
  if (error instanceof MillraceError) return error
  return new MillraceError('UNAVAILABLE', `the request to the DataNode ${location.host} failed`, { cause: error })
}
