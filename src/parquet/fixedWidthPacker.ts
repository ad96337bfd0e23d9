import { type ColumnPacker, STAGE_ROWS } from './columnPacker.ts'
import { nullMap } from './nullMap.ts'
import { wideValues } from './wideValues.ts'
import type { WriteValue } from './writeValue.ts'

/** Values that all take the same number of bytes. */
export function fixedWidthPacker(width: number, write: WriteValue): ColumnPacker {
  const values = new DataView(new ArrayBuffer(STAGE_ROWS * width))
  const isNull = new Uint8Array(STAGE_ROWS)
  let staged = 0
  let hasNulls = false
  let impossible = 0

  return {
    stage(rows, column) {
      for (const row of rows) {
        const value = row[column]
        const isMissing = value === null || !write(values, staged * width, value)
        if (isMissing) {
          hasNulls = true
          if (value !== null) impossible++
        }
        isNull[staged] = Number(isMissing)
        staged++
      }
    },
    stagedBytes: () => 0,
    clear() {
      staged = 0
      hasNulls = false
    },
    impossible: () => impossible,
    buffer() {
      const nulls = nullMap()
      const own = wideValues(width)
      let rows = 0
      return {
        append(order, from, to) {
          if (hasNulls) nulls.markAll(isNull, order, from, to, rows)
          own.pushAll(values, order, from, to)
          rows += to - from
        },
        bytes: () => own.bytes() + nulls.bytes(),
        take: () => ({ rows, ...nulls.take(rows), values: own.take() }),
      }
    },
  }
}
