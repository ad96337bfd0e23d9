import { type ColumnPacker, STAGE_ROWS } from './columnPacker.ts'
import { compactIntegers } from './compactIntegers.ts'
import { nullMap } from './nullMap.ts'
import { wideValues } from './wideValues.ts'
import type { WriteValue } from './writeValue.ts'

/**
 * Most numeric columns hold codes and counts: as long as all values of a key are whole and small they are held in one, two or
 * four bytes, which makes the memory of a migration a third. The first other value makes the buffer one of full width.
 */
export function numberPacker(width: number, write: WriteValue): ColumnPacker {
  const values = new Float64Array(STAGE_ROWS)
  const isNull = new Uint8Array(STAGE_ROWS)
  /** Whole numbers that no double holds, by their place; `values` has NaN there. */
  const exact = new Map<number, unknown>()
  let staged = 0
  let hasNulls = false

  return {
    stage(rows, column) {
      for (const row of rows) {
        const value = row[column]
        if (typeof value === 'number') {
          values[staged] = value
          isNull[staged] = 0
        } else if (value === null) {
          values[staged] = 0
          isNull[staged] = 1
          hasNulls = true
        } else {
          values[staged] = Number.NaN
          isNull[staged] = 0
          exact.set(staged, value)
        }
        staged++
      }
    },
    stagedBytes: () => 0,
    clear() {
      staged = 0
      hasNulls = false
      exact.clear()
    },
    impossible: () => 0,
    buffer() {
      const nulls = nullMap()
      const compact = compactIntegers()
      const wide = wideValues(width)
      let isWide = false
      let rows = 0

      const pushWide = (value: unknown) => {
        const { view, at } = wide.next()
        write(view, at, value)
      }
      const widen = () => {
        for (let row = 0; row < compact.length(); row++) pushWide(compact.get(row))
        compact.take()
        isWide = true
      }
      return {
        append(order, from, to) {
          if (hasNulls) nulls.markAll(isNull, order, from, to, rows)
          let next = isWide ? from : compact.pushAll(values, order, from, to)
          if (next < to && !isWide) widen()
          for (; next < to; next++) {
            const at = order[next]!
            pushWide(exact.get(at) ?? values[at])
          }
          rows += to - from
        },
        bytes: () => compact.bytes() + wide.bytes() + nulls.bytes(),
        take: () => ({ rows, ...nulls.take(rows), ...(isWide ? { values: wide.take() } : compact.take()) }),
      }
    },
  }
}
