import type { Direction, Fault, Faults } from '../../harness/proxy.ts'
import type { OperationName } from './operations.ts'

/** A fault on the way between Millrace and a system, and what is asked of Millrace meanwhile. */
export interface LinkCase {
  link: LinkName
  fault: FaultName
  direction: Direction
  operation: OperationName
}

export type LinkName = 'MySQL' | 'NameNode' | 'DataNode' | 'DataNode, all ports'
export type FaultName = keyof typeof FAULTS

/** Bytes into a connection at which it is hit in the middle: of a row, an answer's head, a block. */
const MIDDLE: Record<LinkName, Record<Direction, number>> = {
  MySQL: { toServer: 300, toClient: 400_000 },
  NameNode: { toServer: 250, toClient: 150 },
  DataNode: { toServer: 20_000, toClient: 20_000 },
  'DataNode, all ports': { toServer: 20_000, toClient: 20_000 },
}

export const FAULTS = {
  latency: () => ({ latencyMillis: 100 }),
  'cut bandwidth': () => ({ bytesPerSecond: 1 << 20 }),
  'sliced packets': () => ({ sliceBytes: 61 }),
  'slow close': () => ({ closeDelayMillis: 1_500 }),
  reset: () => ({ limit: { bytes: 0, outcome: 'reset' } }),
  'reset in the middle': bytes => ({ limit: { bytes, outcome: 'reset' } }),
  'closed in the middle': bytes => ({ limit: { bytes, outcome: 'end' } }),
  silence: () => ({ limit: { bytes: 0, outcome: 'silence' } }),
  'silence in the middle': bytes => ({ limit: { bytes, outcome: 'silence' } }),
} satisfies Record<string, (middleBytes: number) => Fault>

const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient']
const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]
const OF_READING: readonly OperationName[] = ['create', 'reuse', 'recreate', 'all counties']

/** What each link carries. */
const CARRIED: Record<LinkName, readonly OperationName[]> = {
  MySQL: ['migrate'],
  NameNode: ['migrate', 'block locations', ...OF_READING],
  DataNode: ['migrate', ...OF_READING],
  'DataNode, all ports': ['migrate', ...OF_READING],
}

export function faultsOf({ link, fault, direction }: LinkCase): Faults {
  return { [direction]: FAULTS[fault](MIDDLE[link][direction]) }
}

/** Harmless: everything arrives, only later or in other pieces. */
export function delaysOnly({ fault }: LinkCase): boolean {
  return ['latency', 'cut bandwidth', 'sliced packets', 'slow close'].includes(fault)
}

export const ALL_LINK_CASES: readonly LinkCase[] = (Object.keys(CARRIED) as LinkName[]).flatMap(link =>
  FAULT_NAMES.flatMap(fault =>
    DIRECTIONS.flatMap(direction => CARRIED[link].map(operation => ({ link, fault, direction, operation }))),
  ),
)

/** What must still be met together in the few cases of `npm test`. */
const PAIRS: readonly (readonly [keyof LinkCase, keyof LinkCase])[] = [
  ['link', 'fault'],
  ['link', 'operation'],
  ['link', 'direction'],
  ['fault', 'direction'],
]

/** Each link with each fault, each operation and each direction, and each fault in each direction, in as few cases as a greedy choice finds. */
export function someLinks(cases: readonly LinkCase[]): LinkCase[] {
  const left = new Set(cases)
  const met = new Set<string>()
  const chosen: LinkCase[] = []
  for (;;) {
    let best: LinkCase | undefined
    let bestFresh = 0
    for (const one of left) {
      const fresh = pairsOf(one).filter(pair => !met.has(pair)).length
      if (fresh > bestFresh) [best, bestFresh] = [one, fresh]
    }
    if (!best) return chosen
    for (const pair of pairsOf(best)) met.add(pair)
    left.delete(best)
    chosen.push(best)
  }
}

export function pairsOf(one: LinkCase): string[] {
  return PAIRS.map(([left, right]) => `${one[left]} with ${one[right]}`)
}
