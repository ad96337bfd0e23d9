import { expect, test } from 'vitest'
import { summarize } from '../../src/analyzer/statistics.ts'

test('a summary has count, mean, median, extremes and the standard deviation of the sample', () => {
  expect(summarize([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({
    n: 8,
    mean: 5,
    median: 4.5,
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

test('one value has no deviation', () => {
  expect(summarize([7])).toEqual({ n: 1, mean: 7, median: 7, min: 7, max: 7, standardDeviation: null })
})

test('nothing cannot be summarized', () => {
  expect(() => summarize([])).toThrow('Expected at least one value to summarize, but got none.')
})
