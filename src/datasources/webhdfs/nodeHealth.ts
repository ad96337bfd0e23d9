import type { Failure } from './failure.ts'

/**
 * Remembers for a while which DataNodes do not answer, so that a dead or hung one costs its deadline once and not once a request: a NameNode goes on
 * naming it for ten seconds to ten minutes. One that is alive and silent may only wait for a neighbour: it is asked again where no other will do.
 */
export interface NodeHealth {
  answered(node: string): void
  /** Remembered only where it says that the node itself is out of order. */
  failed(node: string, failure: Failure): void
  /** The nodes to keep away from now, and why. */
  remembered(): Map<string, Failure>
}

const REMEMBERED: ReadonlySet<Failure> = new Set<Failure>(['refused', 'unreachable', 'hung', 'silent'])

/** @param nowMillis a clock that never goes back, in milliseconds. */
export function createNodeHealth(rememberMillis: number, nowMillis: () => number): NodeHealth {
  const memories = new Map<string, { failure: Failure; notedAtMillis: number }>()
  return {
    answered: node => void memories.delete(node),
    failed(node, failure) {
      if (REMEMBERED.has(failure)) memories.set(node, { failure, notedAtMillis: nowMillis() })
    },
    remembered() {
      const now = nowMillis()
      for (const [node, { notedAtMillis }] of memories) {
        if (now - notedAtMillis >= rememberMillis) memories.delete(node)
      }
      return new Map([...memories].map(([node, { failure }]) => [node, failure]))
    },
  }
}
