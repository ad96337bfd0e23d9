import { RecordBatchReader, type Vector } from 'apache-arrow'
import type { ColumnType, Row } from '../source.ts'

const ROWS_PER_BATCH = 2_048

/** The rows of one Arrow stream as Spark sends it, with values as Row promises them. */
export function* arrowRows(bytes: Uint8Array, types: readonly ColumnType[]): Generator<Row[], void, undefined> {
  for (const batch of RecordBatchReader.from(bytes)) {
    const read = types.map((type, index) => columnReader(type, batch.getChildAt(index)!))
    for (let start = 0; start < batch.numRows; start += ROWS_PER_BATCH) {
      const end = Math.min(start + ROWS_PER_BATCH, batch.numRows)
      yield Array.from({ length: end - start }, (_, row) => read.map(value => value(start + row)))
    }
  }
}

type ReadValue = (row: number) => unknown

/** Numbers are read where they lie: the getters of Arrow would make dates and numbers of them that lose digits. */
function columnReader(type: ColumnType, vector: Vector): ReadValue {
  const data = vector.data[0]!
  const values = data.values as Int32Array & BigInt64Array & Uint32Array
  const present = (read: ReadValue): ReadValue =>
    data.nullCount === 0 ? read : row => (data.getValid(row) ? read(row) : null)
  switch (type.kind) {
    case 'integer':
      return type.bits === 64
        ? present(row => plainNumber(values[row] as unknown as bigint))
        : present(row => values[row])
    case 'date':
      return present(row => dateText(values[row]!))
    case 'timestamp':
      return present(row => timestampText(values[row] as unknown as bigint))
    case 'decimal':
      return present(row => decimalText(values, row * 4, type.scale))
    case 'binary':
      return row => {
        const bytes = vector.get(row) as Uint8Array | null
        return bytes && Buffer.from(bytes)
      }
    default:
      return row => vector.get(row) as unknown
  }
}

function plainNumber(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const MILLIS_PER_DAY = 86_400_000
const MOST_DATES = 100_000
const dates = new Map<number, string>()

/** Most columns of dates have few different ones. */
function dateText(days: number): string {
  const known = dates.get(days)
  if (known !== undefined) return known
  const text = dayText(days * MILLIS_PER_DAY)
  if (dates.size >= MOST_DATES) dates.clear()
  dates.set(days, text)
  return text
}

function dayText(millis: number): string {
  const text = new Date(millis).toISOString().slice(0, -'T00:00:00.000Z'.length)
  return text.replace(/^\+0*/, '')
}

function timestampText(micros: bigint): string {
  const perDay = BigInt(MILLIS_PER_DAY) * 1_000n
  const ofDay = ((micros % perDay) + perDay) % perDay
  const days = Number((micros - ofDay) / perDay)
  const seconds = Number(ofDay / 1_000_000n)
  const two = (number: number) => String(number).padStart(2, '0')
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  const fraction = String(ofDay % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${dateText(days)} ${time}${fraction && `.${fraction}`}`
}

/** Four words of 32 bits, the lowest first, in two's complement. */
function decimalText(words: Uint32Array, start: number, scale: number): string {
  const unsigned = [3, 2, 1, 0].reduce((sum, word) => (sum << 32n) | BigInt(words[start + word]! >>> 0), 0n)
  const value = BigInt.asIntN(128, unsigned)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  const point = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
  return value < 0n ? `-${text}` : text
}
