import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeRowIds, encodeRowIds } from '../../../src/weather/files/rowIds.ts'
import { NO_ROW_ID } from '../../../src/weather/sink/batchCodec.ts'

const anyId = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 10_000 }) },
  fc.constantFrom(NO_ROW_ID, 1, 63, 64, 65, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)

test('any row ids come back, in any order, with rows that have none', () => {
  fc.assert(
    fc.property(fc.array(anyId, { maxLength: 300 }), rowIds => {
      expect([...decodeRowIds(encodeRowIds(rowIds), rowIds.length)]).toEqual(rowIds)
    }),
    { numRuns: 500 },
  )
})

test('ascending ids of one of four partitions take less than a byte a row', () => {
  const rowIds = Array.from({ length: 100_000 }, (_, row) => 1 + row * 4 + ((row * 7919) % 4))
  expect(encodeRowIds(rowIds).length).toBeLessThan(rowIds.length)
})

test('damage of any byte is told or does no harm, and another number of rows is told', () => {
  const rowIds = [3, 5, 8, NO_ROW_ID, 13, 21, 34, 55, 89]
  const encoded = encodeRowIds(rowIds)
  let told = 0
  for (const index of encoded.keys()) {
    try {
      const damaged = Uint8Array.from(encoded, (byte, at) => (at === index ? byte ^ 0x10 : byte))
      expect([...decodeRowIds(damaged, rowIds.length)]).toEqual(rowIds)
    } catch (error) {
      expect(error).toMatchObject({ code: 'DATA_LOST' })
      told++
    }
  }
  // Bits that only fill up the last byte of the deflated part mean nothing.
  expect(told).toBeGreaterThanOrEqual(encoded.length - 2)
  for (const rows of [0, 8, 10])
    expect(() => decodeRowIds(encoded, rows)).toThrow('row ids of a batch file are damaged')
})
