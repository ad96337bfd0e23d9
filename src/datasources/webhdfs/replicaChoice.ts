import type { Failure } from './failure.ts'
import type { NodeHealth } from './nodeHealth.ts'

/** Which DataNodes one read keeps away from, as plain data: the NameNode picks a replica among the others. */
export interface ReplicaChoice {
  /** Transfer addresses for `excludedatanodes` of the next OPEN. */
  excluded(): string[]
  /** For a part of the read: what has failed so far counts for it, what fails in it counts for no other. */
  copy(): ReplicaChoice
  failed(node: string, failure: Failure): void
  answered(node: string): void
  /**
   * The NameNode knows no replica outside excluded(). Takes one node off the list for a second chance and returns true;
   * false where all have had theirs, or cost too much to be given one.
   */
  pardon(): boolean
}

/** Those first that are likeliest to answer now. One that is hung or unreachable has been waited for long enough... */
const PARDONED: readonly Failure[] = ['reset', 'silent', 'refused']
/** ...unless several nodes are avoided: then a stall of the network may have blamed a healthy one. */
const PARDONED_AMONG_SEVERAL: readonly Failure[] = [...PARDONED, 'unreachable']
/** The longest wait, for one that hangs, is not repeated within a read. */
const PARDONED_OF_OTHER_READS: readonly Failure[] = [...PARDONED_AMONG_SEVERAL, 'hung']

export function createReplicaChoice(health: NodeHealth, before?: ReadonlyMap<string, Failure>): ReplicaChoice {
  /** Failures within this read, of nodes that may be healthy for other reads. */
  const failures = new Map(before)
  const pardoned = new Set<string>()

  function suspects(): Map<string, Failure> {
    const remembered = [...health.remembered()].filter(([node]) => !pardoned.has(node))
    return new Map([...remembered, ...failures])
  }

  return {
    excluded: () => [...suspects().keys()],
    copy: () => createReplicaChoice(health, failures),
    failed: (node, failure) => void failures.set(node, failure),
    answered: node => void failures.delete(node),
    pardon() {
      const avoided = suspects()
      const among = (node: string) => (failures.has(node) ? PARDONED_AMONG_SEVERAL : PARDONED_OF_OTHER_READS)
      const order = (node: string, failure: Failure) => (avoided.size > 1 ? among(node) : PARDONED).indexOf(failure)
      const candidates = [...avoided]
        .map(([node, failure]) => ({ node, order: order(node, failure) }))
        .filter(candidate => candidate.order >= 0 && !pardoned.has(candidate.node))
        .sort((left, right) => left.order - right.order)
      const node = candidates[0]?.node
      if (node === undefined) return false
      pardoned.add(node)
      failures.delete(node)
      return true
    },
  }
}
