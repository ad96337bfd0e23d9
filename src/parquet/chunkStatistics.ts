import type { ColumnType } from '../datasources/source.ts'
import { boolean, bytes, long, PHYSICAL, type Physical } from './parquetTypes.ts'
import type { Struct } from './thrift.ts'

/** Longer texts would make the footer large. */
const MOST_BYTES = 64

/**
 * Statistics of parquet.thrift: NULLs, least and largest value. Undefined for types that nobody asks it for, where a NaN stands in no order, or a text is long.
 * @param plain All distinct values, in the PLAIN encoding.
 */
export function chunkStatistics(
  plain: Uint8Array,
  physical: Physical,
  type: ColumnType,
  nulls: number,
): Struct | undefined {
  const extent = physical === PHYSICAL.BYTES ? bytesExtent(plain) : numberExtent(plain, physical, type)
  if (!extent || extent.min.length > MOST_BYTES || extent.max.length > MOST_BYTES) return undefined
  return [long(3, nulls), bytes(5, extent.max), bytes(6, extent.min), boolean(7, true), boolean(8, true)]
}

interface Extent {
  min: Uint8Array
  max: Uint8Array
}

function bytesExtent(plain: Uint8Array): Extent | undefined {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
  let extent: Extent | undefined
  for (let at = 0; at < plain.length; ) {
    const length = view.getUint32(at, true)
    const value = plain.subarray(at + 4, at + 4 + length)
    extent ??= { min: value, max: value }
    if (Buffer.compare(value, extent.min) < 0) extent.min = value
    if (Buffer.compare(value, extent.max) > 0) extent.max = value
    at += 4 + length
  }
  return extent && { min: extent.min.slice(), max: extent.max.slice() }
}

function numberExtent(plain: Uint8Array, physical: Physical, type: ColumnType): Extent | undefined {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
  const signed = type.kind !== 'integer' || type.signed
  const read = readerOf(view, physical, signed)
  if (!read) return undefined
  const { width, at: valueAt } = read
  let [min, max] = [0, 0]
  for (let at = 0; at < plain.length; at += width) {
    const value = valueAt(at)
    if (Number.isNaN(value)) return undefined
    if (value < valueAt(min)) min = at
    if (value > valueAt(max)) max = at
  }
  if (plain.length === 0) return undefined
  const isFloat = physical === PHYSICAL.FLOAT || physical === PHYSICAL.DOUBLE
  const bytesAt = (at: number, zero: number) => {
    const value = plain.slice(at, at + width)
    // Readers may not tell -0 from 0: the extent has both.
    if (isFloat && valueAt(at) === 0) value[width - 1] = zero
    return value
  }
  return { min: bytesAt(min, NEGATIVE), max: bytesAt(max, 0) }
}

/** The highest byte of -0. */
const NEGATIVE = 0x80

function readerOf(view: DataView, physical: Physical, signed: boolean) {
  switch (physical) {
    case PHYSICAL.INT32:
      return { width: 4, at: (at: number) => (signed ? view.getInt32(at, true) : view.getUint32(at, true)) }
    case PHYSICAL.INT64:
      return { width: 8, at: (at: number) => (signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true)) }
    case PHYSICAL.FLOAT:
      return { width: 4, at: (at: number) => view.getFloat32(at, true) }
    case PHYSICAL.DOUBLE:
      return { width: 8, at: (at: number) => view.getFloat64(at, true) }
    default:
      return undefined
  }
}
