import { expect, test } from 'vitest'
import { quantile, summarize } from '../../src/analyzer/statistics.ts'

test('a summary has count, mean, median, percentiles, extremes and the standard deviation of the sample', () => {
  expect(summarize([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({
    n: 8,
    mean: 5,
    median: 4.5,
    p10: expect.closeTo(3.4) as number,
    p90: 7.6,
    min: 2,
    max: 9,
    standardDeviation: Math.sqrt(32 / 7),
  })
})

test('the median of an odd number of values is the middle one, in whatever order they came', () => {
  const values = [30, 1, 20]
  expect(summarize(values).median).toBe(20)
  expect(values).toEqual([30, 1, 20])
})

test('percentiles lie on the line between the two nearest values', () => {
  const values = [50, 10, 20, 40, 30]
  expect([0, 0.1, 0.25, 0.9, 1].map(share => quantile(values, share))).toEqual([10, 14, 20, 46, 50])
})

test('one value has no deviation', () => {
  expect(summarize([7])).toEqual({ n: 1, mean: 7, median: 7, p10: 7, p90: 7, min: 7, max: 7, standardDeviation: null })
})

test('nothing cannot be summarized', () => {
  expect(() => summarize([])).toThrow('Expected at least one value to summarize, but got none.')
})
