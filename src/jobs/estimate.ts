/** How fast a count grows: the last sample taken, and the rate smoothed over the last seconds. */
export interface Rate {
  atMillis: number
  done: number
  /** Null until there are two samples. */
  perSecond: number | null
}

/** A rate that lasted this long is forgotten to 1/e: long enough to be steady, short enough to follow a stall. */
const memoryMillis = 5_000

/** Samples closer than this are noise of batching, not speed. */
const sampleMillis = 100

export function startRate(done: number, atMillis: number): Rate {
  return { atMillis, done, perSecond: null }
}

/** The rate after `done` was seen at `atMillis`; a count that goes backwards starts anew. */
export function nextRate(rate: Rate, done: number, atMillis: number): Rate {
  if (done < rate.done) return startRate(done, atMillis)
  const elapsedMillis = atMillis - rate.atMillis
  if (elapsedMillis < sampleMillis) return rate
  const sample = ((done - rate.done) * 1_000) / elapsedMillis
  const weight = 1 - Math.exp(-elapsedMillis / memoryMillis)
  const perSecond = rate.perSecond === null ? sample : rate.perSecond + weight * (sample - rate.perSecond)
  return { atMillis, done, perSecond }
}

/** Seconds until `total` is reached at this rate; null where the total or the speed is not known. */
export function etaSeconds(rate: Rate, done: number, total: number | null): number | null {
  if (total === null) return null
  if (done >= total) return 0
  if (rate.perSecond === null || rate.perSecond <= 0) return null
  return (total - done) / rate.perSecond
}
