import type { WireRows } from '../datasources/wireRows.ts'

const TWO_TO_32 = 4_294_967_296

/**
 * A column of numbers into `target`; 0 for NULL, NaN for whole numbers that no double holds. Returns whether there was a NULL.
 */
export function readWireNumbers(wire: WireRows, column: number, target: Float64Array): boolean {
  const { rows, view, starts, stride } = wire
  const first = column * stride
  let hasNulls = false
  switch (wire.formats[column]) {
    case 'int64':
      for (let row = 0; row < rows; row++) {
        const start = starts[first + row]!
        if (start < 0) {
          target[row] = 0
          hasNulls = true
          continue
        }
        const low = view.getInt32(start, true)
        const high = view.getInt32(start + 4, true)
        target[row] = high === low >> 31 ? low : exact(high * TWO_TO_32 + (low >>> 0))
      }
      return hasNulls
    case 'float64':
      for (let row = 0; row < rows; row++) {
        const start = starts[first + row]!
        if (start < 0) hasNulls = true
        target[row] = start < 0 ? 0 : view.getFloat64(start, true)
      }
      return hasNulls
    default:
      for (let row = 0; row < rows; row++) {
        const value = wire.value(row, column)
        if (value === null) hasNulls = true
        target[row] = typeof value === 'number' ? value : value === null ? 0 : Number.NaN
      }
      return hasNulls
  }
}

function exact(value: number): number {
  return Number.isSafeInteger(value) ? value : Number.NaN
}
