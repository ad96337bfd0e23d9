import { expect, test } from 'vitest'
import { planReads } from '../../src/loans/indexedLoansFile.ts'

const plan = (...ranges: [offset: number, length: number][]) =>
  planReads(
    ranges.map(([offset, length]) => ({ offset, length })),
    { maxBytes: 100, maxGapBytes: 10 },
  ).map(({ offset, length, entries }) => [offset, length, entries.length])

test('ranges that touch, or nearly, share a read', () => {
  expect(plan([0, 20], [20, 20], [50, 10])).toEqual([[0, 60, 3]])
})

test('ranges far from each other are read each by itself', () => {
  expect(plan([0, 20], [31, 20])).toEqual([
    [0, 20, 1],
    [31, 20, 1],
  ])
})

test('a read is not longer than allowed, gaps included, unless one range alone is', () => {
  expect(plan([0, 60], [65, 36])).toEqual([
    [0, 60, 1],
    [65, 36, 1],
  ])
  expect(plan([0, 60], [65, 35])).toEqual([[0, 100, 2]])
  expect(plan([0, 500], [500, 1])).toEqual([
    [0, 500, 1],
    [500, 1, 1],
  ])
})

test('the order of the ranges does not matter', () => {
  expect(plan([40, 10], [0, 20], [20, 20])).toEqual([[0, 50, 3]])
})
