import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Row, SourceColumn } from '../../src/datasources/source.ts'
import { PACKED_ROWS } from '../../src/parquet/columnPacker.ts'
import { createColumnPacker } from '../../src/parquet/createColumnPacker.ts'
import { distinctNumbers } from '../../src/parquet/distinctNumbers.ts'
import { encodeColumns } from '../../src/parquet/encodeRowGroup.ts'
import { mostIdBytes, mostMapBytes, writeIds, writeMap } from '../../src/parquet/levelsAndIds.ts'
import { readByHyparquet } from '../setup/readByHyparquet.ts'

/** Values that repeat, for a while or not. */
function arbitraryRuns(values: fc.Arbitrary<number>): fc.Arbitrary<number[]> {
  const run = fc.tuple(values, fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 70 })))
  return fc
    .array(run, { maxLength: 60 })
    .map(runs => runs.flatMap(([value, length]) => Array<number>(length).fill(value)))
}

describe('ids and maps of rows', () => {
  test('come back equal, whatever repeats in them, in no more bytes than were reserved', () => {
    const idsOfWidth = fc
      .integer({ min: 0, max: 17 })
      .chain(width => fc.tuple(fc.constant(width), arbitraryRuns(fc.integer({ min: 0, max: 2 ** width - 1 }))))
    fc.assert(
      fc.property(idsOfWidth, ([width, ids]) => {
        const target = new Uint8Array(mostIdBytes(ids.length, width)).fill(0xaa)
        const end = writeIds(target, 0, Int32Array.from(ids), ids.length, width)
        expect(end).toBeLessThanOrEqual(target.length)
        expect(decodeHybrid(target.subarray(0, end), width).slice(0, ids.length)).toEqual(ids)
      }),
    )
  })

  test('of bits likewise', () => {
    fc.assert(
      fc.property(arbitraryRuns(fc.integer({ min: 0, max: 1 })), bits => {
        const map = new Uint8Array(Math.ceil(bits.length / 8))
        for (const [row, bit] of bits.entries()) map[row >> 3]! |= bit << (row & 7)
        const target = new Uint8Array(mostMapBytes(bits.length)).fill(0xaa)
        const end = writeMap(target, 0, map, bits.length)
        expect(end).toBeLessThanOrEqual(target.length)
        expect(decodeHybrid(target.subarray(0, end), 1).slice(0, bits.length)).toEqual(bits)
      }),
    )
  })
})

describe('distinct numbers', () => {
  const far = fc.oneof(fc.integer(), fc.integer({ min: 0, max: 9 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1))
  test.each([1, 2] as const)('of %d words stand for all of them', words => {
    fc.assert(
      fc.property(arbitraryRuns(far), numbers => {
        const values = Int32Array.from(numbers.slice(0, numbers.length - (numbers.length % words)))
        const distinct = distinctNumbers(values, words, values.length / words / 2)
        const keys = Array.from({ length: values.length / words }, (_, at) =>
          values.subarray(at * words, at * words + words).join(),
        )
        if (!distinct) {
          expect(new Set(keys).size).toBeGreaterThan(keys.length / 2)
          return
        }
        expect(new Set(keys).size).toBe(distinct.count)
        const found = Array.from(keys, (_, at) => {
          const id = distinct.ids[at]!
          return distinct.values.subarray(id * words, id * words + words).join()
        })
        expect(found).toEqual(keys)
      }),
    )
  })
})

describe('a row group', () => {
  const columns: SourceColumn[] = [
    { name: 'code', type: { kind: 'integer', bits: 64, signed: true } },
    { name: 'tract', type: { kind: 'float', bits: 64 } },
    { name: 'text', type: { kind: 'text' } },
    { name: 'amount', type: { kind: 'text' } },
  ]

  test('of 70,000 rows with long runs of NULL and of one value is read by others as it was', async () => {
    const rows = Array.from(
      { length: 70_000 },
      (_, row): Row => [
        row % 7_000 < 5_000 ? 1 : row % 4_001,
        row % 10_000 < 4_000 ? null : 55_000_000_000 + (row % 900),
        row < 40_000 ? null : `word ${row % 300}`,
        row % 3 === 0 ? null : `${row * 31}.5`,
      ],
    )
    const file = encode(rows)
    const read = await readByHyparquet(file)
    expect(read.length).toBe(rows.length)
    const found = read.map(({ code, tract, text, amount }) => [Number(code), tract, text, amount])
    const wrong = rows.findIndex((row, at) => row.some((value, column) => value !== (found[at]![column] ?? null)))
    expect(wrong).toBe(-1)
  })

  function encode(rows: readonly Row[]): Uint8Array {
    const room = { bytes: 1 << 20 }
    const packed = columns.map(({ type }, column) => {
      const packer = createColumnPacker(type, room)
      for (let at = 0; at < rows.length; at += PACKED_ROWS) packer.pack(rows.slice(at, at + PACKED_ROWS), column)
      return packer.take()
    })
    return encodeColumns({ columns, packed, statistics: ['code'] })
  }
})

/** Parquet's RLE and bit-packing hybrid, as its documentation has it. */
function decodeHybrid(bytes: Uint8Array, width: number): number[] {
  const values: number[] = []
  let at = 0
  const varint = () => {
    let result = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      result |= (byte & 127) << shift
      if (byte < 128) return result
    }
  }
  while (at < bytes.length) {
    const header = varint()
    if (header % 2 === 0) {
      let value = 0
      for (let shift = 0; shift < width; shift += 8) value |= bytes[at++]! << shift
      values.push(...Array<number>(header / 2).fill(value))
    } else {
      const bitAt = (bit: number) => (bytes[at + (bit >> 3)]! >> (bit & 7)) & 1
      const count = ((header - 1) / 2) * 8
      for (let index = 0; index < count; index++) {
        let value = 0
        for (let bit = 0; bit < width; bit++) value |= bitAt(index * width + bit) << bit
        values.push(value)
      }
      at += (count / 8) * width
    }
  }
  return values
}
