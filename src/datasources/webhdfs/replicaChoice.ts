import type { Failure } from './failure.ts'
import type { NodeHealth } from './nodeHealth.ts'

/** Which DataNodes one read keeps away from, as plain data: the NameNode picks a replica among the others. */
export interface ReplicaChoice {
  /** Transfer addresses for `excludedatanodes` of the next OPEN. */
  excluded(): string[]
  /** True where something has gone wrong or may go wrong: read block by block, see openFile.ts. */
  cautious(): boolean
  failed(node: string, failure: Failure): void
  answered(node: string): void
  /**
   * The NameNode knows no replica outside excluded(). Takes one node off the list for a second chance and returns true;
   * false where all have had theirs.
   */
  pardon(): boolean
}

/** What a second chance costs decides who gets it first; a node that was silent twice in a row is not asked a third time. */
const PARDON_ORDER: readonly Failure[] = ['reset', 'refused', 'silent', 'unreachable']
const SILENCES_BELIEVED = 2

export function createReplicaChoice(health: NodeHealth): ReplicaChoice {
  /** Failures within this read, of nodes that may be healthy for other reads. */
  const failures = new Map<string, Failure>()
  const pardoned = new Set<string>()

  function suspects(): Map<string, Failure> {
    const all = new Map<string, Failure>()
    for (const [node, trouble] of health.remembered()) if (!pardoned.has(node)) all.set(node, trouble.failure)
    for (const [node, failure] of failures) all.set(node, failure)
    return all
  }

  function deservesAnotherTry(node: string, failure: Failure): boolean {
    if (pardoned.has(node)) return false
    if (failure === 'reset' || failure === 'refused') return true
    return (health.remembered().get(node)?.times ?? 0) < SILENCES_BELIEVED
  }

  return {
    excluded: () => [...suspects().keys()],
    cautious: () => failures.size > 0 || health.remembered().size > 0,
    failed: (node, failure) => void failures.set(node, failure),
    answered: node => void failures.delete(node),
    pardon() {
      const candidates = [...suspects()].filter(([node, failure]) => deservesAnotherTry(node, failure))
      candidates.sort(([, left], [, right]) => PARDON_ORDER.indexOf(left) - PARDON_ORDER.indexOf(right))
      const node = candidates[0]?.[0]
      if (node === undefined) return false
      pardoned.add(node)
      failures.delete(node)
      return true
    },
  }
}
