import { expect, it } from 'vitest'
import { formatBytes, formatCount, formatDuration, formatMillis } from '../../src/commands/words.ts'

it('writes bytes with at most three digits and a unit', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [99_400, '99.4 kB'],
    [99_600, '100 kB'],
    [999_600, '1.0 MB'],
    [21_285_926, '21.3 MB'],
    [3.5e15, '3.5 PB'],
    [2e18, '2000 PB'],
  ]
  for (const [bytes, words] of cases) expect(formatBytes(bytes)).toBe(words)
})

it('writes durations a person can take in', () => {
  const cases: [number, string][] = [
    [0.2, '1 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [200, '3 min 20 s'],
    [7_500, '2 h 5 min'],
  ]
  for (const [seconds, words] of cases) expect(formatDuration(seconds)).toBe(words)
})

it('writes times of answers', () => {
  expect([8.44, 9.96, 250.4, 1_240].map(formatMillis)).toEqual(['8.4 ms', '10 ms', '250 ms', '1.24 s'])
})

it('writes counts with separators and without fractions', () => {
  expect([0, 426_716, 1_234.5].map(formatCount)).toEqual(['0', '426,716', '1,235'])
})
