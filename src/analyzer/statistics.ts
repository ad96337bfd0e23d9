/** Some numbers in few. */
export interface Summary {
  n: number
  mean: number
  median: number
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
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    standardDeviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null,
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The middle value; halfway between the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
}
