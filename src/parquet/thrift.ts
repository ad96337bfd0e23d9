import { free } from './free.ts'

/**
 * Thrift's compact protocol as a typed tree, for Parquet footers: read, change, write. Every field is kept, known to
 * us or not, so that a footer that is read and written again has the same bytes.
 */
export const TYPE = {
  TRUE: 1,
  FALSE: 2,
  BYTE: 3,
  I16: 4,
  I32: 5,
  I64: 6,
  DOUBLE: 7,
  BINARY: 8,
  LIST: 9,
  SET: 10,
  STRUCT: 12,
} as const

export interface Field {
  id: number
  type: number
  value: Value
}
export type Struct = readonly Field[]
export interface List {
  elementType: number
  values: readonly Value[]
}
/** Integers beyond 2^53 are bigints; a double stays as its 8 bytes. A struct in a list may stay as its bytes: see readStruct. */
export type Value = boolean | number | bigint | Uint8Array | List | Struct

export class ThriftError extends Error {}

const MAX_DEPTH = 32
const NOTHING: Field[] = []
const NO_BYTES = new Uint8Array(0)
const STOP = 0

/**
 * @param unread The field of the outermost struct whose list of structs is checked but left as bytes, each: the tree takes twenty times as much
 *   memory, and few of the row groups of a large file are ever looked at.
 */
export function readStruct(bytes: Uint8Array, unread?: number): Struct {
  let at = 0
  /** Within the list that is left as bytes: nothing is kept. */
  let isSkipping = false

  const struct = (depth: number): Struct => {
    if (depth > MAX_DEPTH) throw new ThriftError(`expected at most ${MAX_DEPTH} nested structs`)
    const fields: Field[] = isSkipping ? NOTHING : []
    let id = 0
    for (;;) {
      const header = byte()
      if (header === STOP) return fields
      const delta = header >> 4
      id = delta > 0 ? id + delta : Number(zigzag())
      const type = header & 15
      const value = id === unread && depth === 0 ? unreadList(type) : fieldValue(type, depth)
      if (!isSkipping) fields.push({ id, type, value })
    }
  }

  const fieldValue = (type: number, depth: number): Value => {
    if (type === TYPE.TRUE) return true
    if (type === TYPE.FALSE) return false
    return value(type, depth)
  }

  const value = (type: number, depth: number): Value => {
    switch (type) {
      case TYPE.BYTE:
        return byte()
      case TYPE.I16:
      case TYPE.I32:
      case TYPE.I64:
        return zigzag()
      case TYPE.DOUBLE:
        return take(8)
      case TYPE.BINARY:
        return take(size(varint()))
      case TYPE.LIST:
      case TYPE.SET:
        return list(depth)
      case TYPE.STRUCT:
        return struct(depth + 1)
      default:
        throw new ThriftError(`expected a Thrift type, but byte ${at} says type ${type}`)
    }
  }

  const unreadList = (type: number): Value => {
    isSkipping = type === TYPE.LIST
    const result = value(type, 0)
    isSkipping = false
    return result
  }

  const list = (depth: number): List => {
    const header = byte()
    const elementType = header & 15
    const short = header >> 4
    const length = short === 15 ? size(varint()) : short
    // An element takes at least one byte: a garbled length must not make us allocate.
    if (length > bytes.length - at) throw new ThriftError(`a list of ${length} elements goes beyond the end`)
    const isBoolean = elementType === TYPE.TRUE || elementType === TYPE.FALSE
    const values: Value[] = []
    const isUnread = isSkipping && depth === 0
    for (let index = 0; index < length; index++) {
      const start = at
      const element = isBoolean ? byte() : value(elementType, depth + 1)
      if (!isSkipping) values.push(element)
      else if (isUnread) values.push(bytes.subarray(start, at))
    }
    return { elementType, values }
  }

  const byte = (): number => {
    const result = bytes[at++]
    if (result === undefined) throw new ThriftError(`cut off after ${bytes.length} bytes`)
    return result
  }

  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new ThriftError(`${length} bytes at ${at} go beyond the end, ${bytes.length}`)
    at += length
    return isSkipping ? NO_BYTES : bytes.subarray(at - length, at)
  }

  const varint = (): number | bigint => {
    let result = 0
    let factor = 1
    const start = at
    for (;;) {
      const next = byte()
      result += (next & 127) * factor
      if (next < 128) return Number.isSafeInteger(result) ? result : bigVarint(bytes.subarray(start, at))
      if (at - start > 10) throw new ThriftError(`an integer at ${start} is longer than 64 bits`)
      factor *= 128
    }
  }

  const zigzag = (): number | bigint => {
    const encoded = varint()
    if (typeof encoded === 'bigint') return smallest(encoded & 1n ? -((encoded + 1n) >> 1n) : encoded >> 1n)
    return encoded % 2 === 1 ? -(encoded + 1) / 2 : encoded / 2
  }

  return struct(0)
}

/** Page headers are a few bytes each, and there are many. */
const scratch = new Uint8Array(1 << 14)

export function writeStruct(root: Struct): Uint8Array {
  let buffer = scratch
  let at = 0

  const struct = (fields: Struct) => {
    let previous = 0
    for (const { id, type, value } of fields) {
      const delta = id - previous
      if (delta > 0 && delta < 16) byte((delta << 4) | type)
      else {
        byte(type)
        zigzag(id)
      }
      if (typeof value !== 'boolean') element(type, value)
      previous = id
    }
    byte(STOP)
  }

  const element = (type: number, value: Value) => {
    if (value instanceof Uint8Array) {
      if (type === TYPE.BINARY) varint(value.length)
      raw(value)
    } else if (typeof value === 'number' && (type === TYPE.BYTE || type === TYPE.TRUE || type === TYPE.FALSE))
      byte(value)
    else if (typeof value === 'number' || typeof value === 'bigint') zigzag(value)
    else if (isList(value)) list(value)
    else if (typeof value !== 'boolean') struct(value)
  }

  const list = ({ elementType, values }: List) => {
    if (values.length < 15) byte((values.length << 4) | elementType)
    else {
      byte(0xf0 | elementType)
      varint(values.length)
    }
    for (const value of values) element(elementType, value)
  }

  const room = (length: number) => {
    if (at + length <= buffer.length) return
    const larger = new Uint8Array(Math.max(buffer.length * 2, at + length))
    larger.set(buffer)
    if (buffer !== scratch) free([buffer])
    buffer = larger
  }

  const byte = (value: number) => {
    room(1)
    buffer[at++] = value
  }

  const raw = (value: Uint8Array) => {
    room(value.length)
    buffer.set(value, at)
    at += value.length
  }

  const varint = (value: number | bigint) => {
    if (typeof value === 'number' && value < 2 ** 31) {
      let small = value
      for (; small > 127; small >>>= 7) byte((small & 127) | 128)
      return byte(small)
    }
    let rest = BigInt(value)
    for (; rest > 127n; rest >>= 7n) byte(Number(rest & 127n) | 128)
    byte(Number(rest))
  }

  const zigzag = (value: number | bigint) => {
    if (typeof value === 'number' && Math.abs(value) < 2 ** 30) return varint(value < 0 ? -2 * value - 1 : 2 * value)
    const big = BigInt(value)
    varint(big < 0n ? -2n * big - 1n : 2n * big)
  }

  struct(root)
  return buffer.slice(0, at)
}

export function isList(value: Value | undefined): value is List {
  return typeof value === 'object' && 'elementType' in value
}

function bigVarint(bytes: Uint8Array): bigint {
  let result = 0n
  for (let index = bytes.length - 1; index >= 0; index--) result = (result << 7n) | BigInt(bytes[index]! & 127)
  return result
}

function smallest(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

function size(value: number | bigint): number {
  if (typeof value === 'bigint') throw new ThriftError(`a length of ${value} goes beyond the end`)
  return value
}
