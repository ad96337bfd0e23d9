import type { Failure } from './failure.ts'

/**
 * Remembers for a while which DataNodes failed, so that a dead or hung one costs its deadline once and not once a
 * request. A NameNode goes on naming a dead DataNode for ten seconds to ten minutes.
 */
export interface NodeHealth {
  /** Call it when a request to a node starts, and tell it how the request went. */
  attempt(node: string): Attempt
  /** The nodes to keep away from now. */
  remembered(): ReadonlyMap<string, Trouble>
}

export interface Attempt {
  answered(): void
  failed(failure: Failure): void
}

export interface Trouble {
  failure: Failure
  /** Failures one after the other; those of requests that ran at the same time count as one. */
  times: number
}

interface Memory extends Trouble {
  notedAtMillis: number
}

/** @param nowMillis a clock that never goes back, in milliseconds. */
export function createNodeHealth(rememberMillis: number, nowMillis: () => number): NodeHealth {
  const memories = new Map<string, Memory>()

  function forgetOld(): void {
    const oldest = nowMillis() - rememberMillis
    for (const [node, memory] of memories) if (memory.notedAtMillis <= oldest) memories.delete(node)
  }

  return {
    attempt(node) {
      const startedAtMillis = nowMillis()
      return {
        answered: () => void memories.delete(node),
        failed(failure) {
          forgetOld()
          const before = memories.get(node)
          if (before && startedAtMillis < before.notedAtMillis) return
          memories.set(node, { failure, times: (before?.times ?? 0) + 1, notedAtMillis: nowMillis() })
        },
      }
    },
    remembered() {
      forgetOld()
      return memories
    },
  }
}
