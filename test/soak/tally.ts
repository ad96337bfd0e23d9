import { quantile } from '../../bench/statistics.ts'

/** How questions of each kind ended. */
export interface Tally {
  ended(kind: string, how: string, seconds: number): void
  /** kind -> how it ended -> how often. */
  counts(): Map<string, Map<string, number>>
  rows(): TallyRow[]
}

export interface TallyRow {
  kind: string
  /** "right 310, UNAVAILABLE 4" */
  ended: string
  asked: number
  medianSeconds: number
  p99Seconds: number
  longestSeconds: number
}

export function createTally(): Tally {
  const kinds = new Map<string, { ends: Map<string, number>; seconds: number[] }>()
  return {
    ended(kind, how, seconds) {
      const entry = kinds.get(kind) ?? { ends: new Map<string, number>(), seconds: [] }
      kinds.set(kind, entry)
      entry.ends.set(how, (entry.ends.get(how) ?? 0) + 1)
      entry.seconds.push(seconds)
    },
    counts: () => new Map([...kinds].map(([kind, { ends }]) => [kind, ends])),
    rows: () =>
      [...kinds].map(([kind, { ends, seconds }]) => ({
        kind,
        ended: [...ends].map(([how, times]) => `${how} ${times}`).join(', '),
        asked: seconds.length,
        medianSeconds: quantile(seconds, 0.5),
        p99Seconds: quantile(seconds, 0.99),
        longestSeconds: quantile(seconds, 1),
      })),
  }
}
