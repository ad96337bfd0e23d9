import { expect, test } from 'vitest'
import { analysisOf } from '../../src/analyzer/analysis.ts'
import { measurementsOf } from './measurements.ts'

test('operations are summarized over all, each county by itself, and the average by repeat', () => {
  const measurements = [
    ...measurementsOf([55001], { create: 30, reuse: 3 }),
    ...measurementsOf([55003], { create: 10, reuse: 1 }),
  ]
  const { operations, counties, averages } = analysisOf(measurements)
  expect(operations).toMatchObject([
    { operation: 'create', n: 6, mean: 40, median: 30, min: 10, max: 90 },
    { operation: 'reuse', n: 6, mean: 4, median: 3, min: 1, max: 9 },
  ])
  expect(counties).toMatchObject([
    { county: 55001, operation: 'create', n: 3, median: 60, min: 30, max: 90 },
    { county: 55003, operation: 'create', n: 3, median: 20, min: 10, max: 30 },
    { county: 55001, operation: 'reuse', n: 3, median: 6 },
    { county: 55003, operation: 'reuse', n: 3, median: 2 },
  ])
  expect(averages).toMatchObject([
    { operation: 'create', n: 3, median: 40, min: 20, max: 60 },
    { operation: 'reuse', n: 3, median: 4, min: 2, max: 6 },
  ])
})

test('the speed-up is that of the medians', () => {
  expect(analysisOf(measurementsOf([55001], { create: 30, reuse: 4 })).speedUp).toBe(7.5)
})

test('recreate is there only where it was seen', () => {
  const { operations } = analysisOf(measurementsOf([55001], { create: 30, reuse: 4, recreate: 50 }))
  expect(operations.map(({ operation }) => operation)).toEqual(['create', 'reuse', 'recreate'])
})

test('without create or reuse there is nothing to compare', () => {
  expect(() => analysisOf(measurementsOf([55001], { reuse: 4 }))).toThrow(
    expect.objectContaining({ code: 'CONFLICT', hint: expect.stringContaining('another client') as string }),
  )
})
