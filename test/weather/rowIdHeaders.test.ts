import fc from 'fast-check'
import { expect, test } from 'vitest'
import { completeThroughHeader, rowIdHeaders, rowIdOf, rowIdsOf } from '../../src/weather/rowIdHeaders.ts'

test('the ids of a row go through the headers of its record, also beyond 32 bits', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (rowId, completeThrough) => {
      const headers = rowIdHeaders(rowId, completeThroughHeader(completeThrough))
      expect(rowIdsOf(headers)).toEqual({ rowId, completeThrough })
      expect(rowIdOf(headers)).toBe(rowId)
    }),
  )
})

test('are eight bytes, big-endian, for programs in any language', () => {
  expect(rowIdHeaders(0x0102030405, completeThroughHeader(7))).toEqual([
    { name: 'row-id', value: Buffer.from([0, 0, 0, 1, 2, 3, 4, 5]) },
    { name: 'complete-through', value: Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]) },
  ])
})

test('are none in a record of another producer', () => {
  const value = Buffer.from([0, 0, 0, 0, 0, 0, 0, 7])
  expect(rowIdOf([])).toBeUndefined()
  expect(rowIdOf([{ name: 'row-id', value: Buffer.from('7') }])).toBeUndefined()
  expect(rowIdOf([{ name: 'row-id', value: Buffer.alloc(8, 0xff) }])).toBeUndefined()
  expect(rowIdsOf([{ name: 'row-id', value }])).toBeUndefined()
  expect(rowIdsOf([{ name: 'complete-through', value }])).toBeUndefined()
})
