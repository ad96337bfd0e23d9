import { Agent, request } from 'undici'
import { MillraceError } from '../../errors.ts'
import type { Call } from '../call.ts'
import { pathSegments } from '../storagePath.ts'
import { describeFailure, failureOf } from './failure.ts'
import type { HostAddresses } from './hostAddresses.ts'
import { isNotActive, type RemoteException, readRemoteException, toMillraceError } from './remoteException.ts'
import type { WebHdfsSettings } from './settings.ts'
import type { WebHdfsAddress } from './url.ts'

/** The NameNode that is active now, whichever of those in the URL it is. */
export interface NameNode {
  /** The JSON of an operation's answer, undefined where it has none; throws a NameNodeError. */
  ask(operation: Operation, call: Call): Promise<unknown>
  /** Where the DataNode that the NameNode picked takes the operation. The path in it is ours, not the NameNode's word. */
  locate(operation: Operation, call: Call): Promise<URL>
  /** The JSON of another page of the NameNode, for example "/jmx?qry=...". Counted in no call's cost. */
  page(pathAndQuery: string): Promise<unknown>
  /** "host:port" that answered last. */
  active(): string
  close(): Promise<void>
}

export interface Operation {
  method: 'GET' | 'PUT' | 'DELETE'
  op: string
  /** Within the storage. */
  path: string
  parameters?: Readonly<Record<string, string | number | boolean>>
  /** Set where doing it twice is not the same as doing it once: it is not sent again when its outcome is unknown. */
  once?: boolean
}

/** A MillraceError that still knows what Hadoop said. */
export class NameNodeError extends MillraceError {
  readonly remote: RemoteException

  constructor(remote: RemoteException, { op, path }: Operation) {
    const error = toMillraceError(remote, op, path)
    super(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint })
    this.remote = remote
  }
}

interface Answer {
  status: number
  location: string | undefined
  body: string
}

const PREFIX = '/webhdfs/v1'
const WRONG_ADDRESS = 'Check that the storage URL names the HTTP port of a NameNode (9870 by default).'

export function createNameNode(address: WebHdfsAddress, hosts: HostAddresses, settings: WebHdfsSettings): NameNode {
  const { nameNodes, user } = address
  const agent = new Agent({
    connections: settings.connectionsPerHost,
    connect: { timeout: settings.connectMillis, lookup: hosts.lookup },
    headersTimeout: settings.nameNodeAnswerMillis,
    bodyTimeout: settings.nameNodeAnswerMillis,
  })
  let active = 0

  async function send(nameNode: string, method: Operation['method'], target: string, call: Call): Promise<Answer> {
    if (call.cost) call.cost.requests += 1
    const { statusCode, headers, body } = await request(`http://${nameNode}${target}`, {
      method,
      dispatcher: agent,
      headers: { accept: 'application/json' },
      ...(call.signal && { signal: call.signal }),
    })
    const { location } = headers
    return {
      status: statusCode,
      location: typeof location === 'string' ? location : undefined,
      body: await readText(body, settings.answerBytes),
    }
  }

  /**
   * Asks the active NameNode, then the others. Those that broke off or kept silent are asked once more: a connection
   * kept alive may have been closed meanwhile, and a NameNode's first answer after its start takes seconds.
   */
  async function exchange(method: Operation['method'], target: string, once: boolean, call: Call): Promise<Answer> {
    const troubles: string[] = []
    let queue = nameNodes.map((_, index) => (active + index) % nameNodes.length)
    for (let round = 0; round < (once ? 1 : 2); round += 1) {
      const again: number[] = []
      for (const index of queue) {
        call.signal?.throwIfAborted()
        const nameNode = nameNodes[index]!
        try {
          const answer = await send(nameNode, method, target, call)
          const standby = answer.status >= 400 && isNotActive(readRemoteException(answer.status, answer.body))
          if (!standby) {
            active = index
            return answer
          }
          troubles.push(`${nameNode} is not active`)
        } catch (error) {
          call.signal?.throwIfAborted()
          const failure = failureOf(error)
          if (failure === undefined) throw unforeseen(nameNode, error)
          troubles.push(describeFailure(nameNode, failure))
          const sent = failure === 'silent' || failure === 'reset'
          if (sent && once) throw doubtful(nameNode, error)
          if (sent) again.push(index)
        }
      }
      queue = again
    }
    throw new MillraceError('UNAVAILABLE', `no active NameNode answered: ${[...new Set(troubles)].join('; ')}`, {
      hint: 'Check that HDFS runs and that the storage URL names its NameNodes and their HTTP port.',
    })
  }

  async function perform(operation: Operation, call: Call): Promise<Answer> {
    const answer = await exchange(operation.method, operationTarget(address, operation), operation.once ?? false, call)
    if (answer.status < 400) return answer
    throw new NameNodeError(readRemoteException(answer.status, answer.body), operation)
  }

  return {
    async ask(operation, call) {
      const { body } = await perform(operation, call)
      return body === '' ? undefined : parseJson(body, operation.op)
    },

    async locate(operation, call) {
      const { status, location } = await perform(operation, call)
      if (location === undefined || !URL.canParse(location)) {
        throw new MillraceError(
          'UNAVAILABLE',
          `expected ${operation.op} to be redirected to a DataNode, got HTTP ${status}`,
          { hint: WRONG_ADDRESS },
        )
      }
      const url = new URL(location)
      if (!/^https?:$/.test(url.protocol) || !url.pathname.startsWith(`${PREFIX}/`)) {
        throw new MillraceError(
          'FORBIDDEN',
          `expected a redirect to ${PREFIX} of a DataNode, got one elsewhere on ${url.host}`,
        )
      }
      url.username = ''
      url.password = ''
      url.hash = ''
      // Hadoop's versions differ in how they escape the path in a redirect; ours is right.
      url.pathname = PREFIX + encodePath(address.root, operation.path)
      return url
    },

    async page(pathAndQuery) {
      const { status, body } = await exchange('GET', pathAndQuery, false, {})
      if (status !== 200)
        throw new MillraceError('UNAVAILABLE', `expected ${pathAndQuery} of the NameNode, got HTTP ${status}`)
      return parseJson(body, pathAndQuery)
    },

    active: () => nameNodes[active]!,
    close: () => agent.destroy(),
  }

  function operationTarget({ root }: WebHdfsAddress, { op, path, parameters }: Operation): string {
    const query = new URLSearchParams({ op, 'user.name': user })
    for (const [name, value] of Object.entries(parameters ?? {})) query.set(name, String(value))
    return `${PREFIX}${encodePath(root, path)}?${query.toString()}`
  }
}

/** Where a path of the storage lies in HDFS. */
export function hdfsPath(root: string, path: string): string {
  return `/${[...pathSegments(root), ...pathSegments(path)].join('/')}`
}

/** Percent-encodes segment by segment, so that "%", "+", "?" and all of Unicode in names survive. */
function encodePath(root: string, path: string): string {
  return `/${[...pathSegments(root), ...pathSegments(path)].map(segment => encodeURIComponent(segment)).join('/')}`
}

/** The text of a body; stops taking it beyond `limitBytes`. */
export async function readText(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > limitBytes)
      throw new MillraceError('UNAVAILABLE', `expected an answer of at most ${limitBytes} bytes, got more`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MillraceError('UNAVAILABLE', `expected JSON as the answer to ${what}, got something else`, {
      hint: WRONG_ADDRESS,
      cause,
    })
  }
}

function doubtful(nameNode: string, cause: unknown): MillraceError {
  return new MillraceError(
    'UNAVAILABLE',
    `the NameNode ${nameNode} was asked but did not answer: it may have done it or not`,
    { hint: 'Check that the NameNode answers, then ask again.', cause },
  )
}

function unforeseen(nameNode: string, error: unknown): Error {
  if (error instanceof MillraceError) return error
  return new MillraceError('UNAVAILABLE', `the request to the NameNode ${nameNode} failed`, { cause: error })
}
