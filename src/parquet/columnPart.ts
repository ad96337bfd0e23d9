import type { ColumnType } from '../datasources/source.ts'
import type { PackedColumn } from './columnPacker.ts'

/** The values of some rows of a packed column. */
export interface ColumnPart {
  rows: number
  nulls: number
  /** One bit a row, 1 where there is a value; absent where all have one. */
  hasValue?: Uint8Array
  /** What is not NULL: either so many 32-bit `words` each, or strings, each after its length in four bytes. */
  values: { numbers: Int32Array; words: number } | { strings: Uint8Array }
}

/** Which rows, in which order: rows[from] to rows[to - 1]. What it gives is valid until any of these is called again. */
export type TakePart = (rows: Int32Array, from: number, to: number) => ColumnPart

const LENGTH_BYTES = 4
const WORD_BYTES = 4

/** Used again for each part: fresh ones, of every column of every group, would keep the garbage collector busy. */
const scratch = {
  present: new Int32Array(0),
  numbers: new Int32Array(0),
  map: new Uint8Array(0),
  strings: new Uint8Array(0),
}

function numbersOf(kind: 'present' | 'numbers', length: number): Int32Array {
  if (scratch[kind].length < length) scratch[kind] = new Int32Array(length * 2)
  return scratch[kind].subarray(0, length)
}

function bytesOf(kind: 'map' | 'strings', length: number): Uint8Array {
  if (scratch[kind].length < length) scratch[kind] = new Uint8Array(length * 2)
  return scratch[kind].subarray(0, length)
}

/** Takes parts out of one packed column. */
export function partsOf(packed: PackedColumn, type: ColumnType): TakePart {
  const { isNull } = packed
  const takeValues = takerOf(packed, type)
  return (rows, from, to) => {
    const count = to - from
    if (!isNull) return { rows: count, nulls: 0, values: takeValues(rows.subarray(from, to)) }
    const hasValue = bytesOf('map', Math.ceil(count / 8)).fill(0)
    const present = numbersOf('present', count)
    let found = 0
    for (let next = 0; next < count; next++) {
      const row = rows[from + next]!
      const has = 1 - ((isNull[row >> 3]! >> (row & 7)) & 1)
      hasValue[next >> 3]! |= has << (next & 7)
      present[found] = row
      found += has
    }
    return { rows: count, nulls: count - found, hasValue, values: takeValues(present.subarray(0, found)) }
  }
}

type TakeValues = (rows: Int32Array) => ColumnPart['values']

function takerOf(packed: PackedColumn, type: ColumnType): TakeValues {
  const { values, compact, rows } = packed
  if (compact === 1) return takeBytes(new Int8Array(values.buffer, values.byteOffset, values.byteLength))
  if (compact === 2) return takeShorts(new Int16Array(values.buffer, values.byteOffset, values.byteLength / 2))
  if (compact === 4) return takeWide(new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4), 1)
  if (type.kind === 'text' || type.kind === 'binary') return takeStrings(packed)
  const numbers = new Int32Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength / WORD_BYTES)
  return takeWide(numbers, numbers.length / rows)
}

// Two functions of one kind of array each: one for both would be three times as slow.
function takeBytes(all: Int8Array): TakeValues {
  return rows => {
    const numbers = numbersOf('numbers', rows.length)
    for (let next = 0; next < rows.length; next++) numbers[next] = all[rows[next]!]!
    return { numbers, words: 1 }
  }
}

function takeShorts(all: Int16Array): TakeValues {
  return rows => {
    const numbers = numbersOf('numbers', rows.length)
    for (let next = 0; next < rows.length; next++) numbers[next] = all[rows[next]!]!
    return { numbers, words: 1 }
  }
}

function takeWide(all: Int32Array, words: number): TakeValues {
  return rows => {
    const numbers = numbersOf('numbers', rows.length * words)
    for (let next = 0, at = 0; next < rows.length; next++) {
      const start = rows[next]! * words
      for (let word = 0; word < words; word++) numbers[at++] = all[start + word]!
    }
    return { numbers, words }
  }
}

function takeStrings({ values, rows: all, isNull }: PackedColumn): TakeValues {
  const bounds = stringBounds(values, all, isNull)
  return rows => {
    let length = 0
    for (let next = 0; next < rows.length; next++) length += bounds[rows[next]! + 1]! - bounds[rows[next]!]!
    const strings = bytesOf('strings', length)
    for (let next = 0, at = 0; next < rows.length; next++) {
      const end = bounds[rows[next]! + 1]!
      for (let from = bounds[rows[next]!]!; from < end; from++) strings[at++] = values[from]!
    }
    return { strings }
  }
}

/** Where each row's string begins, its length first, and one more for the end; nothing lies between for a NULL. */
export function stringBounds(strings: Uint8Array, rows: number, isNull?: Uint8Array): Int32Array {
  const view = new DataView(strings.buffer, strings.byteOffset, strings.byteLength)
  const bounds = new Int32Array(rows + 1)
  for (let row = 0, at = 0; row < rows; row++) {
    if (!isNull || ((isNull[row >> 3]! >> (row & 7)) & 1) === 0) at += LENGTH_BYTES + view.getUint32(at, true)
    bounds[row + 1] = at
  }
  return bounds
}
