/** Some numbers in few. */
export interface Summary {
  n: number
  mean: number
  median: number
  /** The 10th and the 90th percentile. */
  p10: number
  p90: number
  min: number
  max: number
  /** Of the sample (divided by n - 1); null where there is only one number. */
  standardDeviation: number | null
}

/** At least one value. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('Expected at least one value to summarize, but got none.')
  const center = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0)
  return {
    n: values.length,
    mean: center,
    median: quantile(values, 0.5),
    p10: quantile(values, 0.1),
    p90: quantile(values, 0.9),
    min: Math.min(...values),
    max: Math.max(...values),
    standardDeviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null,
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * The value below which a share of the values lies, on the straight line between the two nearest ones: a share of 0.5 is the median.
 * At least one value.
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = share * (sorted.length - 1)
  const below = sorted[Math.floor(position)]!
  const above = sorted[Math.ceil(position)]!
  return below + (above - below) * (position - Math.floor(position))
}
