import { Agent, request } from 'undici'
import { hasCode, MillraceError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { Call } from '../call.ts'
import type { ByteRange, FileStatus } from '../storage.ts'
import { quoted } from '../storagePath.ts'
import type { DataNodes } from './dataNodes.ts'
import { describeFailure, failureOf } from './failure.ts'
import { type NameNode, NameNodeError, readText } from './nameNode.ts'
import type { NodeHealth } from './nodeHealth.ts'
import { isNoReplicaLeft, readRemoteException, toMillraceError } from './remoteException.ts'
import { createReplicaChoice } from './replicaChoice.ts'
import type { WebHdfsSettings } from './settings.ts'

export interface FileReader {
  /** Exactly `range.length` bytes; errors as Storage.read has them. */
  read(path: string, range: ByteRange, call: Call): Promise<Uint8Array>
  close(): Promise<void>
}

export interface FileReaderParts {
  nameNode: NameNode
  dataNodes: DataNodes
  health: NodeHealth
  settings: WebHdfsSettings
  stat: (path: string, call: Call) => Promise<FileStatus>
}

/** Where the bytes of one read go; `filled` grows as they arrive, whichever DataNode sends them. */
interface Target {
  bytes: Uint8Array
  filled: number
}

export function createFileReader({ nameNode, dataNodes, health, settings, stat }: FileReaderParts): FileReader {
  const agent = new Agent({
    connections: settings.connectionsPerHost,
    pipelining: 1,
    connect: { timeout: settings.connectMillis },
    headersTimeout: settings.answerMillis,
    bodyTimeout: settings.bodyIdleMillis,
  })

  /**
   * One OPEN brings the whole range, as long as all goes well. After a failure the next OPEN goes on from the byte
   * reached, on another DataNode, and ends with the block: a DataNode serves a block of its own from its own disk, but
   * fetches the blocks after it from its neighbours, and would wait for the hung one among them in our place.
   */
  async function read(path: string, { offset, length }: ByteRange, call: Call): Promise<Uint8Array> {
    if (length === 0) return await readNothing(path, offset, call)
    const target: Target = { bytes: new Uint8Array(0), filled: 0 }
    const choice = createReplicaChoice(health)
    const troubles: string[] = []
    let blockBytes = 0
    let fruitless = 0
    while (target.filled < length) {
      if (fruitless === settings.fruitlessOpens) throw givenUp(path, troubles)
      if (blockBytes === 0 && choice.cautious()) ({ blockBytes } = await stat(path, call))
      const from = offset + target.filled
      const blockEnd = blockBytes === 0 ? Infinity : (Math.floor(from / blockBytes) + 1) * blockBytes
      const range = { offset: from, length: Math.min(offset + length, blockEnd) - from }
      const location = await locate(path, range, choice.excluded(), call)
      if (location === undefined) {
        if (!choice.pardon()) throw lost(path, range, troubles)
        continue
      }
      const node = await abortable(dataNodes.identify(location), call.signal)
      const filledBefore = target.filled
      if (target.bytes.length === 0) target.bytes = new Uint8Array(length)
      const trouble = await receive(path, location, node, range, target, call)
      fruitless = target.filled > filledBefore ? 0 : fruitless + 1
      if (trouble === undefined) choice.answered(node)
      else {
        choice.failed(node, trouble.failure)
        troubles.push(trouble.words)
      }
    }
    return target.bytes
  }

  /** undefined where the NameNode knows no replica outside `excluded`. */
  async function locate(path: string, range: ByteRange, excluded: string[], call: Call): Promise<URL | undefined> {
    const exclusion = excluded.length === 0 ? undefined : { excludedatanodes: excluded.join(',') }
    try {
      return await nameNode.locate({ method: 'GET', op: 'OPEN', path, parameters: { ...range, ...exclusion } }, call)
    } catch (error) {
      if (error instanceof NameNodeError && isNoReplicaLeft(error.remote)) return undefined
      throw error
    }
  }

  /** Appends to the target what one DataNode sends; returns what went wrong, and throws where no other would do better. */
  async function receive(path: string, location: URL, node: string, range: ByteRange, target: Target, call: Call) {
    const attempt = health.attempt(node)
    const end = target.filled + range.length
    let answered = false
    try {
      if (call.cost) call.cost.requests += 1
      const { statusCode, headers, body } = await request(location, {
        method: 'GET',
        dispatcher: agent,
        ...(call.signal && { signal: call.signal }),
      })
      answered = true
      attempt.answered()
      if (statusCode !== 200) {
        const remote = readRemoteException(statusCode, await readText(body, settings.answerBytes))
        const error = toMillraceError(remote, 'OPEN', path)
        if (!hasCode(error, 'UNAVAILABLE', 'DATA_LOST')) throw error
        return { failure: 'reset' as const, words: `${location.host}: ${error.message}` }
      }
      const promised = headers['content-length'] === undefined ? range.length : Number(headers['content-length'])
      if (promised < range.length) {
        body.on('error', () => {}).destroy()
        throw endsEarly(path, range, promised)
      }
      for await (const chunk of body) {
        const piece: Uint8Array = chunk.length > end - target.filled ? chunk.subarray(0, end - target.filled) : chunk
        target.bytes.set(piece, target.filled)
        target.filled += piece.length
        if (call.cost) call.cost.bytes += piece.length
        if (piece.length < chunk.length) break
      }
      if (target.filled === end) return undefined
      return { failure: 'reset' as const, words: `${location.host} ended its answer too early` }
    } catch (error) {
      call.signal?.throwIfAborted()
      const failure = failureOf(error)
      if (failure === undefined) throw unforeseen(location, error)
      if (!answered) attempt.failed(failure)
      // Silence after the first bytes may be a neighbour's fault: this DataNode is left alone, but not remembered.
      return { failure: answered ? ('reset' as const) : failure, words: describeFailure(location.host, failure) }
    }
  }

  async function readNothing(path: string, offset: number, call: Call): Promise<Uint8Array> {
    const status = await stat(path, call)
    if (status.kind === 'folder')
      throw new MillraceError('BAD_USER_INPUT', `expected a file at ${quoted(path)}, found a folder`)
    if (offset > status.length) throw endsEarly(path, { offset, length: 0 }, status.length - offset)
    return new Uint8Array(0)
  }

  return { read, close: () => agent.destroy() }
}

function endsEarly(path: string, { offset, length }: ByteRange, promised: number): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `expected ${length} bytes from byte ${offset} of ${quoted(path)}, but the file ends at byte ${offset + promised}`,
    { hint: 'The file was cut short or replaced by a shorter one; write it again.' },
  )
}

function lost(path: string, { offset }: ByteRange, troubles: string[]): MillraceError {
  const tried = troubles.length === 0 ? '' : `; ${[...new Set(troubles)].join('; ')}`
  return new MillraceError('DATA_LOST', `no DataNode gives the block of ${quoted(path)} at byte ${offset}${tried}`, {
    hint: 'Start the DataNode that holds the only replica, or write the file again.',
  })
}

function givenUp(path: string, troubles: string[]): MillraceError {
  return new MillraceError('UNAVAILABLE', `could not read ${quoted(path)}: ${[...new Set(troubles)].join('; ')}`, {
    hint: 'The DataNodes answer, but not to the end; try again, and look into their logs.',
  })
}

function unforeseen(location: URL, error: unknown): Error {
  if (error instanceof MillraceError) return error
  return new MillraceError('UNAVAILABLE', `the request to the DataNode ${location.host} failed`, { cause: error })
}
