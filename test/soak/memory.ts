import { median } from '../../bench/statistics.ts'

/** One look at the memory that a server has resident. */
export interface MemorySample {
  atSeconds: number
  megabytes: number
}

export const WARM_UP_SECONDS = 180
const WINDOWS = 10

/**
 * By how much the memory that is typically resident has grown since the warm-up: the highest median of a tenth of the time against the first. A median,
 * because a migration takes memory for some seconds and gives it back. undefined where the run was too short to tell.
 */
export function growthMb(samples: readonly MemorySample[]): number | undefined {
  const warm = samples.filter(({ atSeconds }) => atSeconds >= WARM_UP_SECONDS)
  const [first, last] = [warm[0], warm.at(-1)]
  if (!first || !last || warm.length < 10 * WINDOWS) return undefined
  const windowSeconds = (last.atSeconds - first.atSeconds) / WINDOWS
  const windows = Map.groupBy(warm, ({ atSeconds }) =>
    Math.min(WINDOWS - 1, Math.floor((atSeconds - first.atSeconds) / windowSeconds)),
  )
  const medians = [...windows.values()].map(samples => median(samples.map(({ megabytes }) => megabytes)))
  return Math.max(...medians) - medians[0]!
}
