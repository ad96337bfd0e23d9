import { type ColumnPacker, PACKED_ROWS } from './columnPacker.ts'
import { compactIntegers } from './compactIntegers.ts'
import { nullMap } from './nullMap.ts'
import { wideValues } from './wideValues.ts'
import { readWireNumbers } from './wireNumbers.ts'
import type { WriteValue } from './writeValue.ts'

/**
 * Most numeric columns hold codes and counts: as long as all values are whole and small they are held in one, two or
 * four bytes, which makes the memory of a migration a third. The first other value makes the column one of full width, until the next take().
 */
export function numberPacker(width: number, write: WriteValue): ColumnPacker {
  const numbers = new Float64Array(PACKED_ROWS)
  const nulls = nullMap()
  const compact = compactIntegers()
  const wide = wideValues(width)
  let isWide = false
  let length = 0

  const pushWide = (value: unknown) => {
    const { view, at } = wide.next()
    write(view, at, value)
  }
  const widen = () => {
    for (let row = 0; row < compact.length(); row++) pushWide(compact.get(row))
    compact.take()
    isWide = true
  }

  /** Appends `numbers`; `valueAt` gives those that are NaN there, and may be whole numbers that no double holds. */
  const push = (count: number, valueAt: (at: number) => unknown) => {
    let next = isWide ? 0 : compact.pushAll(numbers, 0, count)
    if (next < count && !isWide) widen()
    for (; next < count; next++) pushWide(Number.isNaN(numbers[next]) ? valueAt(next) : numbers[next])
    length += count
  }

  return {
    pack(rows, column) {
      for (let at = 0; at < rows.length; at++) {
        const value = rows[at]![column]
        if (typeof value === 'number') numbers[at] = value
        else if (value === null) {
          numbers[at] = 0
          nulls.mark(length + at)
        } else numbers[at] = Number.NaN
      }
      push(rows.length, at => rows[at]![column])
    },
    packWire(wire, column) {
      if (readWireNumbers(wire, column, numbers)) {
        for (let row = 0; row < wire.rows; row++) {
          if (wire.starts[column * wire.stride + row]! < 0) nulls.mark(length + row)
        }
      }
      push(wire.rows, row => wire.value(row, column))
    },
    bytes: () => compact.bytes() + wide.bytes() + nulls.bytes(),
    take() {
      const rows = length
      const values = isWide ? { values: wide.take() } : compact.take()
      isWide = false
      length = 0
      return { rows, ...nulls.take(rows), ...values }
    },
    impossible: () => 0,
  }
}
