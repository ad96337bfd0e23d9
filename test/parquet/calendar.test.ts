import fc from 'fast-check'
import { expect, test } from 'vitest'
import { daysOf, microsOf } from '../../src/parquet/calendar.ts'

test('every day from the year 1 to 9999 has the number that Date gives it', () => {
  fc.assert(
    fc.property(fc.integer({ min: -719_162, max: 2_932_896 }), days => {
      const text = new Date(days * 86_400_000).toISOString().slice(0, 10)
      expect(daysOf(text)).toBe(days)
      expect(microsOf(`${text} 23:59:59.000001`)).toBe(BigInt(days + 1) * 86_400_000_000n - 999_999n)
    }),
    { numRuns: 2_000 },
  )
})

test.each(['0000-00-00', '2020-00-10', '2021-02-29', '2021-04-31', 'infinity', '', '2021-1-1'])(
  '%s is no date',
  text => {
    expect(daysOf(text)).toBeNull()
    expect(microsOf(`${text} 00:00:00`)).toBeNull()
  },
)

test('fractions of a second of any length up to six digits are micros', () => {
  expect(microsOf('1970-01-01 00:00:00.5')).toBe(500_000n)
  expect(microsOf('1969-12-31 23:59:59.999999')).toBe(-1n)
  expect(microsOf('1970-01-01 00:00:01')).toBe(1_000_000n)
})
