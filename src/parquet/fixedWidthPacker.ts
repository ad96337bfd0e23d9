import type { ColumnPacker } from './columnPacker.ts'
import { nullMap } from './nullMap.ts'
import { wideValues } from './wideValues.ts'
import type { WriteValue } from './writeValue.ts'

/** Values that all take the same number of bytes, a multiple of four. */
export function fixedWidthPacker(width: number, write: WriteValue): ColumnPacker {
  const nulls = nullMap()
  const own = wideValues(width)
  let length = 0
  let impossible = 0
  const push = (value: unknown) => {
    const { view, at } = own.next()
    if (value === null) nulls.mark(length)
    else if (!write(view, at, value)) {
      nulls.mark(length)
      impossible++
    }
    length++
  }
  return {
    pack(rows, column) {
      for (const row of rows) push(row[column])
    },
    packWire(wire, column) {
      for (let row = 0; row < wire.rows; row++) push(wire.value(row, column))
    },
    bytes: () => own.bytes() + nulls.bytes(),
    take() {
      const rows = length
      length = 0
      return { rows, ...nulls.take(rows), values: own.take() }
    },
    impossible: () => impossible,
  }
}
