import { createConnection, type LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import type { HostAddresses } from './hostAddresses.ts'
import type { WebHdfsSettings } from './settings.ts'

/**
 * Tells a hung DataNode from a healthy one that keeps us waiting: it serves what it has not on its own disk from its
 * neighbours, and waits for the hung one among them in the middle of our request. Only the hung one must be avoided.
 */
export interface Liveness {
  /**
   * False where the DataNode answers nothing at all; calls at the same time share one probe. Counted in no call's cost.
   * @param node Its transfer address, of which the port counts: the host is the one that it has for us.
   */
  isAlive(location: URL, node: string): Promise<boolean>
  close(): Promise<void>
}

export function createLiveness(
  { lookup }: HostAddresses,
  { connectMillis, probeMillis, probes }: WebHdfsSettings,
): Liveness {
  const agent = new Agent({ connect: { timeout: connectMillis, lookup } })
  const running = new Map<string, Promise<boolean>>()

  async function probe(location: URL, node: string): Promise<boolean> {
    const port = Number(node.slice(node.lastIndexOf(':') + 1))
    const ended = await knock({ host: location.hostname, port, lookup, connectMillis, answerMillis: probeMillis })
    return ended ?? (await ask(location))
  }

  /**
   * For where the transfer port cannot be reached. Several questions at once, each on a connection of its own: a DataNode
   * deals connections out to its HTTP threads (two for each core) in turn, and those that wait for a neighbour answer
   * nobody. Any answer will do; this one needs no neighbour and no NameNode.
   */
  async function ask({ origin }: URL): Promise<boolean> {
    const enough = new AbortController()
    const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(probeMillis)])
    const askOnce = async () => {
      const { body } = await request(`${origin}/webhdfs/v1/?op=CREATE`, {
        method: 'OPTIONS',
        dispatcher: agent,
        signal,
      })
      await body.dump()
    }
    try {
      await Promise.any(Array.from({ length: probes }, askOnce))
      return true
    } catch {
      return false
    } finally {
      enough.abort()
    }
  }

  return {
    async isAlive(location, node) {
      const shared = running.get(node) ?? probe(location, node).finally(() => running.delete(node))
      running.set(node, shared)
      return await shared
    },
    close: () => agent.destroy(),
  }
}

/**
 * Opens a connection, sends nothing and ends it. A DataNode has a thread for every connection to its transfer port, which
 * ends its side at once, however busy the DataNode is; the operating system, which accepts connections for a hung one too,
 * does not. undefined where no connection stands.
 */
function knock({ host, port, lookup, connectMillis, answerMillis }: Knock): Promise<boolean | undefined> {
  const { promise, resolve } = Promise.withResolvers<boolean | undefined>()
  const socket = createConnection({ host, port, lookup })
  let answer: boolean | undefined
  let timer = setTimeout(() => socket.destroy(), connectMillis)
  socket.on('connect', () => {
    answer = false
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), answerMillis)
    socket.end()
  })
  socket.on('end', () => {
    answer = true
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(timer)
    resolve(answer)
  })
  socket.resume()
  return promise
}

interface Knock {
  host: string
  port: number
  lookup: LookupFunction
  connectMillis: number
  /** From the connection to its end. */
  answerMillis: number
}

/**
 * Tells, once a DataNode has kept us waiting, whether it is alive. Returns how to end the watch: call it as soon as the
 * answer begins.
 */
export function watchSilence(
  liveness: Liveness,
  { location, node }: { location: URL; node: string },
  { probeAfterMillis }: WebHdfsSettings,
  tell: (alive: boolean) => void,
): () => void {
  let watching = true
  const timer = setTimeout(async () => {
    const alive = await liveness.isAlive(location, node)
    if (watching) tell(alive)
  }, probeAfterMillis)
  return () => {
    watching = false
    clearTimeout(timer)
  }
}
