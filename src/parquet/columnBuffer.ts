import type { ColumnType, Row } from '../datasources/source.ts'
import { MillraceError } from '../errors.ts'
import { byteStrings } from './byteStrings.ts'
import { daysOf, microsOf } from './calendar.ts'
import { compactIntegers } from './compactIntegers.ts'
import { nullMap } from './nullMap.ts'
import { wideValues } from './wideValues.ts'

/**
 * Values of one column, packed as they arrive. Packing is the hot loop of a migration (40 million values for the sample), so
 * a buffer takes many rows a call and its inner loop is of one type.
 */
export interface ColumnBuffer {
  /** Appends column `column` of `rows[indexes[i]]` for each i. */
  append(rows: readonly Row[], indexes: readonly number[], column: number): void
  /** Bytes held now, about. */
  bytes(): number
  /** Dates and instants that no calendar has, stored as NULL. */
  impossible(): number
  /** What was appended, and an empty buffer again. */
  take(): PackedColumn
}

/** A column ready to become an Arrow vector; all parts can be transferred to another thread. */
export interface PackedColumn {
  rows: number
  nulls: number
  /** One bit a row, 1 where there is a value; absent where all have one. */
  validity?: Uint8Array
  /**
   * Values of the type's own width; or, where `compact`, whole numbers in fewer bytes: those of a numeric column, or ids into
   * `dictionary`. Where there are `offsets`, the bytes of all texts or binary values.
   */
  values: Uint8Array
  /** Bytes of each of the signed whole numbers in `values`. */
  compact?: 1 | 2 | 4
  /** Text: the distinct values. */
  dictionary?: string[]
  /** Where each value begins, and one more for the end; 4 bytes each. */
  offsets?: Uint8Array
}

export function columnBuffer(type: ColumnType): ColumnBuffer {
  switch (type.kind) {
    case 'integer':
      return type.bits === 64 ? numbers(8, writeInteger64) : numbers(type.bits / 8, INTEGER_WRITERS[type.bits])
    case 'float':
      return type.bits === 64 ? numbers(8, writeFloat64) : numbers(4, writeFloat32)
    case 'decimal':
      return fixedWidth(16, decimalWriter(type.scale))
    case 'date':
      return fixedWidth(4, writeDate)
    case 'timestamp':
      return fixedWidth(8, writeTimestamp)
    case 'boolean':
      return fixedWidth(1, writeBoolean)
    case 'text':
      return textColumn()
    case 'binary':
      return binaryColumn()
  }
}

/** Writes one value that is not null; false where it cannot be represented and NULL must stand for it. */
type Write = (view: DataView, at: number, value: unknown) => boolean

/**
 * Most numeric columns hold codes and counts: as long as all values are whole and small they are held in one, two or four
 * bytes, which makes the memory of a migration a third. The first other value makes the column one of full width.
 */
function numbers(width: number, write: Write): ColumnBuffer {
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
    for (let row = 0; row < rows; row++) pushWide(compact.get(row))
    compact.take()
    isWide = true
  }

  return {
    append(source, indexes, column) {
      for (const index of indexes) {
        const value = source[index]![column]
        if (value === null) nulls.mark(rows)
        if (!isWide && !compact.push(value ?? 0)) widen()
        if (isWide) pushWide(value ?? 0)
        rows++
      }
    },
    bytes: () => compact.bytes() + wide.bytes() + nulls.bytes(),
    impossible: () => 0,
    take() {
      const packed = { rows, ...nulls.take(rows), ...(isWide ? { values: wide.take() } : compact.take()) }
      isWide = false
      rows = 0
      return packed
    },
  }
}

function fixedWidth(width: number, write: Write): ColumnBuffer {
  const nulls = nullMap()
  const values = wideValues(width)
  let rows = 0
  let impossible = 0
  return {
    append(source, indexes, column) {
      for (const index of indexes) {
        const value = source[index]![column]
        const { view, at } = values.next()
        if (value === null) nulls.mark(rows)
        else if (!write(view, at, value)) {
          impossible++
          nulls.mark(rows)
        }
        rows++
      }
    },
    bytes: () => values.bytes() + nulls.bytes(),
    impossible: () => impossible,
    take() {
      const packed = { rows, ...nulls.take(rows), values: values.take() }
      rows = 0
      return packed
    },
  }
}

/** Stores one number; a DataView takes it modulo 2^bits, so one setter serves signed and unsigned. */
const storing =
  (store: (view: DataView, at: number, value: number) => void): Write =>
  (view, at, value) => {
    store(view, at, value as number)
    return true
  }

const INTEGER_WRITERS: Record<8 | 16 | 32, Write> = {
  8: storing((view, at, value) => view.setInt8(at, value)),
  16: storing((view, at, value) => view.setInt16(at, value, true)),
  32: storing((view, at, value) => view.setInt32(at, value, true)),
}
const writeFloat64 = storing((view, at, value) => view.setFloat64(at, value, true))
const writeFloat32 = storing((view, at, value) => view.setFloat32(at, value, true))
const writeBoolean = storing((view, at, value) => view.setUint8(at, Number(value)))

/** Numbers in two halves: making a bigint of each costs more than all the rest of packing. */
const writeInteger64: Write = (view, at, value) => {
  if (typeof value === 'number') {
    view.setInt32(at, value % 4294967296, true)
    view.setInt32(at + 4, Math.floor(value / 4294967296), true)
  } else view.setBigInt64(at, BigInt(value as bigint | string), true)
  return true
}

const writeDate: Write = (view, at, value) => {
  const days = daysOf(value as string)
  if (days === null) return false
  view.setInt32(at, days, true)
  return true
}

const writeTimestamp: Write = (view, at, value) => {
  const micros = microsOf(value as string)
  if (micros === null) return false
  view.setBigInt64(at, micros, true)
  return true
}

function decimalWriter(scale: number): Write {
  return (view, at, value) => {
    const unscaled = unscaledDecimal(String(value), scale)
    view.setBigUint64(at, BigInt.asUintN(64, unscaled), true)
    view.setBigInt64(at + 8, unscaled >> 64n, true)
    return true
  }
}

/** "-12.5" at scale 2 is -1250n. */
export function unscaledDecimal(decimal: string, scale: number): bigint {
  const match = /^([+-]?)(\d*)\.?(\d*)$/.exec(decimal)
  if (!match || match[3]!.length > scale) {
    throw new MillraceError('INTERNAL', `Expected a decimal with at most ${scale} fractional digits, got ${decimal}.`)
  }
  const magnitude = BigInt(match[2]! + match[3]!.padEnd(scale, '0'))
  return match[1] === '-' ? -magnitude : magnitude
}

/** What a string costs beside its characters: the map entry, the string's header, its id. Measured, about. */
const STRING_OVERHEAD_BYTES = 80
/** A dictionary with fewer words than this is kept whatever it holds. */
const SMALL_DICTIONARY = 64

/**
 * Text with few distinct values is held as ids into a dictionary; once more than half of the rows brought a word of their
 * own (amounts kept as text do), as the bytes of each row.
 */
function textColumn(): ColumnBuffer {
  const nulls = nullMap()
  const ids = compactIntegers()
  const plain = byteStrings()
  let isPlain = false
  let dictionary = new Map<string, number>()
  let dictionaryBytes = 0
  let rows = 0

  const idOf = (value: string): number | undefined => {
    const known = dictionary.get(value)
    if (known !== undefined) return known
    const id = dictionary.size
    if (id > SMALL_DICTIONARY && id > rows / 2) return undefined
    dictionary.set(value, id)
    dictionaryBytes += value.length * 2 + STRING_OVERHEAD_BYTES
    return id
  }
  const takeDictionary = (): string[] => {
    const words = [...dictionary.keys()]
    dictionary = new Map()
    dictionaryBytes = 0
    return words
  }
  const makePlain = () => {
    const words = takeDictionary()
    for (let row = 0; row < rows; row++) plain.addText(words[ids.get(row)] ?? '')
    ids.take()
    isPlain = true
  }

  return {
    append(source, indexes, column) {
      for (const index of indexes) {
        const value = source[index]![column] as string | null
        if (value === null) nulls.mark(rows)
        if (!isPlain) {
          const id = value === null ? 0 : idOf(value)
          if (id === undefined) makePlain()
          else ids.push(id)
        }
        if (isPlain) plain.addText(value ?? '')
        rows++
      }
    },
    bytes: () => ids.bytes() + nulls.bytes() + dictionaryBytes + plain.bytes(),
    impossible: () => 0,
    take() {
      const packed = {
        rows,
        ...nulls.take(rows),
        ...(isPlain ? plain.take() : { ...ids.take(), dictionary: takeDictionary() }),
      }
      isPlain = false
      rows = 0
      return packed
    },
  }
}

function binaryColumn(): ColumnBuffer {
  const nulls = nullMap()
  const values = byteStrings()
  const none = new Uint8Array(0)
  let rows = 0
  return {
    append(source, indexes, column) {
      for (const index of indexes) {
        const value = source[index]![column] as Uint8Array | null
        if (value === null) nulls.mark(rows)
        values.addBytes(value ?? none)
        rows++
      }
    },
    bytes: () => values.bytes() + nulls.bytes(),
    impossible: () => 0,
    take() {
      const packed = { rows, ...nulls.take(rows), ...values.take() }
      rows = 0
      return packed
    },
  }
}
