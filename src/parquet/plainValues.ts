import type { ColumnType } from '../datasources/source.ts'
import type { PackedColumn } from './columnPacker.ts'
import { decimalBytes, PHYSICAL, physicalType } from './parquetTypes.ts'

/** The whole numbers of the rows that have one. */
export function presentWhole({ rows, nulls, validity, values, compact }: PackedColumn): Int32Array {
  const View = compact === 1 ? Int8Array : compact === 2 ? Int16Array : Int32Array
  const all = new View(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength / View.BYTES_PER_ELEMENT)
  if (!validity || nulls === 0) return Int32Array.from(all)
  const present = new Int32Array(rows - nulls)
  for (let row = 0, next = 0; row < rows; row++) {
    if (((validity[row >> 3]! >> (row & 7)) & 1) === 1) present[next++] = all[row]!
  }
  return present
}

/** The bytes of the rows that have a value, as they are. */
export function presentNumbers({ rows, nulls, validity, values }: PackedColumn): Uint8Array {
  if (!validity || nulls === 0) return values
  const width = values.length / rows
  const present = new Uint8Array((rows - nulls) * width)
  for (let row = 0, next = 0; row < rows; row++) {
    if (((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue
    for (let byte = row * width; byte < (row + 1) * width; byte++) present[next++] = values[byte]!
  }
  return present
}

/**
 * Parquet's PLAIN encoding of values that are all there.
 * @param values Of the type's own width, or whole numbers of `compact` bytes.
 */
export function plainNumbers(values: Uint8Array, compact: PackedColumn['compact'], type: ColumnType): Uint8Array {
  const physical = physicalType(type)
  if (compact) return widened(values, compact, physical)
  if (physical === PHYSICAL.BOOLEAN) return bitsOf(values)
  if (type.kind === 'decimal') return decimals(values, type.precision)
  if (type.kind === 'integer' && (type.bits === 8 || type.bits === 16))
    return widenedIntegers(values, type.bits, type.signed)
  return values
}

function widened(values: Uint8Array, compact: 1 | 2 | 4, physical: number): Uint8Array {
  const View = compact === 1 ? Int8Array : compact === 2 ? Int16Array : Int32Array
  const numbers = new View(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength / compact)
  switch (physical) {
    case PHYSICAL.FLOAT:
      return bytesOf(Float32Array.from(numbers))
    case PHYSICAL.DOUBLE:
      return bytesOf(Float64Array.from(numbers))
    case PHYSICAL.INT64: {
      // In two halves, the second all sign: making a bigint of each is ten times slower.
      const halves = new Int32Array(numbers.length * 2)
      for (let index = 0; index < numbers.length; index++) {
        halves[index * 2] = numbers[index]!
        halves[index * 2 + 1] = numbers[index]! >> 31
      }
      return bytesOf(halves)
    }
    default:
      return bytesOf(Int32Array.from(numbers))
  }
}

function widenedIntegers(values: Uint8Array, bits: 8 | 16, signed: boolean): Uint8Array {
  const View = bits === 8 ? (signed ? Int8Array : Uint8Array) : signed ? Int16Array : Uint16Array
  const numbers = new View(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength / View.BYTES_PER_ELEMENT)
  return bytesOf(Int32Array.from(numbers))
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

function bitsOf(bytes: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(bytes.length / 8))
  for (const [index, byte] of bytes.entries()) bits[index >> 3]! |= byte << (index & 7)
  return bits
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}
