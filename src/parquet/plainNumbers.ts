import type { ColumnType } from '../datasources/source.ts'
import { decimalBytes, PHYSICAL, physicalType } from './parquetTypes.ts'

/**
 * Parquet's PLAIN encoding of numbers, instants and booleans.
 * @param numbers Whole numbers where `isWhole`; else values of the type's own width.
 */
export function plainNumbers(numbers: Int32Array, isWhole: boolean, type: ColumnType): Uint8Array {
  const physical = physicalType(type)
  if (isWhole) return wholeNumbers(numbers, physical)
  if (physical === PHYSICAL.BOOLEAN) return bitsOf(numbers)
  return type.kind === 'decimal' ? decimals(bytesOf(numbers), type.precision) : bytesOf(numbers)
}

function wholeNumbers(numbers: Int32Array, physical: number): Uint8Array {
  if (physical === PHYSICAL.FLOAT) return bytesOf(Float32Array.from(numbers))
  if (physical === PHYSICAL.DOUBLE) return bytesOf(Float64Array.from(numbers))
  if (physical !== PHYSICAL.INT64) return bytesOf(numbers)
  // In two halves, the second all sign: making a bigint of each is ten times slower.
  const halves = new Int32Array(numbers.length * 2)
  for (let index = 0; index < numbers.length; index++) {
    halves[index * 2] = numbers[index]!
    halves[index * 2 + 1] = numbers[index]! >> 31
  }
  return bytesOf(halves)
}

const PACKED_DECIMAL_BYTES = 16

/** 128 bits, lowest first, become the first bytes of them; in a width of its own the highest come first. */
function decimals(values: Uint8Array, precision: number): Uint8Array {
  const physical = physicalType({ kind: 'decimal', precision, scale: 0 })
  const width = physical === PHYSICAL.INT32 ? 4 : physical === PHYSICAL.INT64 ? 8 : decimalBytes(precision)
  const result = new Uint8Array((values.length / PACKED_DECIMAL_BYTES) * width)
  for (let from = 0, to = 0; from < values.length; from += PACKED_DECIMAL_BYTES, to += width) {
    const decimal = values.subarray(from, from + width)
    result.set(physical === PHYSICAL.FIXED ? decimal.toReversed() : decimal, to)
  }
  return result
}

function bitsOf(booleans: Int32Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(booleans.length / 8))
  for (const [index, bit] of booleans.entries()) bits[index >> 3]! |= bit << (index & 7)
  return bits
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}
