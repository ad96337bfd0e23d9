import type { PacketPlace, WireColumn } from './mysqlWire.ts'
import { unexpected } from './mysqlWire.ts'
import { WIRE_ROWS, type WireFormat, type WireRows } from './wireRows.ts'

const TYPE = {
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
} as const
const BYTES: Readonly<Partial<Record<WireFormat, number>>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float32: 4,
  float64: 8,
}
/** The first two bits of a row's map of NULLs mean nothing. */
const NULL_MAP_OFFSET = 2
/** Not a power of two: places of one row in all columns would compete for the same lines of the cache. */
const STRIDE = WIRE_ROWS + 24

/** Finds the values of rows in the binary protocol. */
export interface WireRowsReader extends WireRows {
  /** Notes where the values of one more row are. All rows since clear() must be in the same bytes. */
  add(packet: PacketPlace): void
  /** Whether `bytes` are those of the rows before, and there is room for one more. */
  hasRoom(bytes: Buffer): boolean
  clear(): void
}

export function wireRowsReader(columns: readonly WireColumn[]): WireRowsReader {
  const formats = columns.map(formatOf)
  const widths = Uint8Array.from(formats, format => BYTES[format] ?? 0)
  const count = columns.length
  const starts = new Int32Array(count * STRIDE)
  const lengths = new Int32Array(count * STRIDE)
  const nullBytes = (count + NULL_MAP_OFFSET + 7) >> 3
  let bytes: Buffer = Buffer.alloc(0)
  let view = new DataView(bytes.buffer)
  let rows = 0

  return {
    formats,
    starts,
    lengths,
    stride: STRIDE,
    get rows() {
      return rows
    },
    get bytes() {
      return bytes
    },
    get view() {
      return view
    },
    hasRoom: other => rows === 0 || (rows < WIRE_ROWS && other === bytes),
    clear() {
      rows = 0
    },
    add(packet) {
      if (rows === 0 && bytes !== packet.bytes) {
        bytes = packet.bytes
        view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      }
      const nulls = packet.start + 1
      let at = nulls + nullBytes
      for (let column = 0, place = rows; column < count; column++, place += STRIDE) {
        const bit = column + NULL_MAP_OFFSET
        if (((bytes[nulls + (bit >> 3)]! >> (bit & 7)) & 1) === 1) {
          starts[place] = -1
          continue
        }
        const width = widths[column]!
        if (width > 0) {
          starts[place] = at
          at += width
          continue
        }
        let length = bytes[at++]!
        if (length > 250) {
          const lengthBytes = length === 252 ? 2 : length === 253 ? 3 : 6
          length = bytes.readUIntLE(at, lengthBytes)
          at += lengthBytes === 6 ? 8 : lengthBytes
        }
        starts[place] = at
        lengths[place] = length
        at += length
      }
      if (at !== packet.end) throw unexpected('a row of as many bytes as it says')
      rows++
    },
    value(row, column) {
      const start = starts[column * STRIDE + row]!
      return start < 0 ? null : valueAt(columns[column]!, formats[column]!, start, lengths[column * STRIDE + row]!)
    },
  }

  function valueAt(column: WireColumn, format: WireFormat, start: number, length: number): unknown {
    switch (format) {
      case 'int8':
        return view.getInt8(start)
      case 'uint8':
        return view.getUint8(start)
      case 'int16':
        return view.getInt16(start, true)
      case 'uint16':
        return view.getUint16(start, true)
      case 'int32':
        return view.getInt32(start, true)
      case 'uint32':
        return view.getUint32(start, true)
      case 'int64':
        return numberIfExact(view.getBigInt64(start, true))
      case 'uint64':
        return numberIfExact(view.getBigUint64(start, true))
      case 'float32':
        return view.getFloat32(start, true)
      case 'float64':
        return view.getFloat64(start, true)
      case 'bytes':
        return column.isBinary && column.type !== JSON_TYPE
          ? Uint8Array.from(bytes.subarray(start, start + length))
          : bytes.toString('utf8', start, start + length)
      case 'other':
        return isTemporal(column) ? temporal(column, start, length) : bytes.toString('latin1', start, start + length)
    }
  }

  /** "YYYY-MM-DD" or "YYYY-MM-DD hh:mm:ss[.ffffff]"; what is zero at the end is not sent. */
  function temporal({ type, decimals }: WireColumn, start: number, length: number): string {
    const part = (at: number) => (at < length ? bytes[start + at]! : 0)
    const year = part(0) + part(1) * 256
    const date = `${digits(year, 4)}-${digits(part(2), 2)}-${digits(part(3), 2)}`
    if (type === TYPE.DATE) return date
    const time = `${digits(part(4), 2)}:${digits(part(5), 2)}:${digits(part(6), 2)}`
    const micros = length > 7 ? bytes.readUInt32LE(start + 7) : 0
    const fraction = decimals > 0 ? `.${digits(micros, 6).slice(0, decimals)}` : ''
    return `${date} ${time}${fraction}`
  }
}

function formatOf({ type, isUnsigned }: WireColumn): WireFormat {
  const sign = isUnsigned ? 'uint' : 'int'
  switch (type) {
    case TYPE.TINY:
      return `${sign}8`
    case TYPE.SHORT:
      return `${sign}16`
    case TYPE.YEAR:
      return 'uint16'
    case TYPE.LONG:
    case TYPE.INT24:
      return `${sign}32`
    case TYPE.LONGLONG:
      return `${sign}64`
    case TYPE.FLOAT:
      return 'float32'
    case TYPE.DOUBLE:
      return 'float64'
    default:
      return isTemporal({ type }) || isDecimal(type) ? 'other' : 'bytes'
  }
}

const JSON_TYPE = 245
const DECIMAL_TYPES: readonly number[] = [0, 246]
const TEMPORAL_TYPES: readonly number[] = [TYPE.DATE, TYPE.DATETIME, TYPE.TIMESTAMP]

function isDecimal(type: number): boolean {
  return DECIMAL_TYPES.includes(type)
}

function isTemporal({ type }: Pick<WireColumn, 'type'>): boolean {
  return TEMPORAL_TYPES.includes(type)
}

function numberIfExact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0')
}
