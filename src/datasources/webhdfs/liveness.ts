import { Agent, request } from 'undici'
import type { WebHdfsSettings } from './settings.ts'

/**
 * Tells a hung DataNode from a healthy one that keeps us waiting: it serves what it has not on its own disk from its
 * neighbours, and waits for the hung one among them in the middle of our request. Only the hung one must be avoided.
 */
export interface Liveness {
  /** False where the DataNode answers nothing at all; calls at the same time share one probe. Counted in no call's cost. */
  isAlive(location: URL): Promise<boolean>
  close(): Promise<void>
}

export function createLiveness({ connectMillis, probeMillis, probes }: WebHdfsSettings): Liveness {
  const agent = new Agent({ connect: { timeout: connectMillis } })
  const running = new Map<string, Promise<boolean>>()

  /**
   * Several questions at once, each on a connection of its own: a DataNode deals connections out to its ten threads in
   * turn, and those that wait for a neighbour answer nobody. Any answer will do; this one needs no neighbour and no NameNode.
   */
  async function probe({ origin }: URL): Promise<boolean> {
    const enough = new AbortController()
    const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(probeMillis)])
    const ask = async () => {
      const { body } = await request(`${origin}/webhdfs/v1/?op=CREATE`, {
        method: 'OPTIONS',
        dispatcher: agent,
        signal,
      })
      await body.dump()
    }
    try {
      await Promise.any(Array.from({ length: probes }, ask))
      return true
    } catch {
      return false
    } finally {
      enough.abort()
    }
  }

  return {
    async isAlive(location) {
      const shared = running.get(location.host) ?? probe(location).finally(() => running.delete(location.host))
      running.set(location.host, shared)
      return await shared
    },
    close: () => agent.destroy(),
  }
}

/**
 * Tells, once a DataNode has kept us waiting, whether it is alive. Returns how to end the watch: call it as soon as the
 * answer begins.
 */
export function watchSilence(
  liveness: Liveness,
  location: URL,
  { probeAfterMillis }: WebHdfsSettings,
  tell: (alive: boolean) => void,
): () => void {
  let watching = true
  const timer = setTimeout(async () => {
    const alive = await liveness.isAlive(location)
    if (watching) tell(alive)
  }, probeAfterMillis)
  return () => {
    watching = false
    clearTimeout(timer)
  }
}
