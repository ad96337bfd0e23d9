import type { Clock } from '../clock.ts'
import type { Failure } from './failure.ts'
import type { Liveness } from './liveness.ts'
import type { WebHdfsSettings } from './settings.ts'

/**
 * Remembers which DataNodes do not answer, so that a dead or hung one costs its deadline once and not once a request: a NameNode goes on naming it for ten
 * seconds to ten minutes. One that is alive and silent may only wait for a neighbour: it is asked again where no other will do.
 */
export interface NodeHealth {
  answered(node: string): void
  /**
   * Remembered only where it says that the node itself is out of order. To find out that one still hangs or cannot be reached would cost a request
   * seconds, so such a node is watched, and kept away from until it lives.
   * @param location Of its HTTP server.
   */
  failed(node: string, failure: Failure, location: URL): void
  /** The nodes to keep away from now, and why. */
  remembered(): Map<string, Failure>
  /** True while one that keeps requests waiting is remembered; one that refuses costs nothing. */
  isImpaired(): boolean
  /** Ends the watch over nodes. */
  close(): void
}

const REMEMBERED: ReadonlySet<Failure> = new Set<Failure>(['refused', 'unreachable', 'hung', 'silent'])
const WATCHED: ReadonlySet<Failure> = new Set<Failure>(['unreachable', 'hung'])

interface Memory {
  failure: Failure
  notedAtMillis: number
}

/** @param clock Of which the time never goes back. */
export function createNodeHealth(
  { rememberFailureMillis, watchEveryMillis, watchForMillis }: WebHdfsSettings,
  { isAlive }: Pick<Liveness, 'isAlive'>,
  { nowMillis, pause }: Pick<Clock, 'nowMillis' | 'pause'>,
): NodeHealth {
  const memories = new Map<string, Memory>()
  const closing = new AbortController()

  function hasFaded({ failure, notedAtMillis }: Memory): boolean {
    return nowMillis() - notedAtMillis >= (WATCHED.has(failure) ? watchForMillis : rememberFailureMillis)
  }

  /** Until the node lives, another failure of it is noted, or the NameNode must have stopped naming it. */
  async function watch(node: string, location: URL, memory: Memory): Promise<void> {
    const isOver = () => closing.signal.aborted || memories.get(node) !== memory || hasFaded(memory)
    while (!isOver()) {
      await pause(watchEveryMillis, closing.signal).catch(() => {})
      if (isOver()) return
      if ((await isAlive(location, node)) && memories.get(node) === memory) memories.delete(node)
    }
  }

  function remembered(): Map<string, Failure> {
    for (const [node, memory] of memories) if (hasFaded(memory)) memories.delete(node)
    return new Map([...memories].map(([node, { failure }]) => [node, failure]))
  }

  return {
    answered: node => void memories.delete(node),
    failed(node, failure, location) {
      if (!REMEMBERED.has(failure)) return
      const last = memories.get(node)
      if (last?.failure === failure && !hasFaded(last)) {
        last.notedAtMillis = nowMillis()
        return
      }
      const memory = { failure, notedAtMillis: nowMillis() }
      memories.set(node, memory)
      if (WATCHED.has(failure)) void watch(node, location, memory)
    },
    remembered,
    isImpaired: () => [...remembered().values()].some(failure => failure !== 'refused'),
    close: () => closing.abort(),
  }
}
