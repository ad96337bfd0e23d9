import { MillraceError } from '../errors.ts'
import { daysOf, microsOf } from './calendar.ts'

/** Writes one value that is not null; false where it cannot be represented and NULL must stand for it. */
export type WriteValue = (view: DataView, at: number, value: unknown) => boolean

/** Stores one number; a DataView takes it modulo 2^bits, so one setter serves signed and unsigned. */
const storing =
  (store: (view: DataView, at: number, value: number) => void): WriteValue =>
  (view, at, value) => {
    store(view, at, value as number)
    return true
  }

const writeInteger32 = storing((view, at, value) => view.setInt32(at, value, true))
export const writeFloat64 = storing((view, at, value) => view.setFloat64(at, value, true))
export const writeFloat32 = storing((view, at, value) => view.setFloat32(at, value, true))
export const writeBoolean = storing((view, at, value) => view.setInt32(at, Number(value), true))

/** Numbers in two halves: making a bigint of each costs more than all the rest of packing. */
const writeInteger64: WriteValue = (view, at, value) => {
  if (typeof value === 'number') {
    view.setInt32(at, value % 4294967296, true)
    view.setInt32(at + 4, Math.floor(value / 4294967296), true)
  } else view.setBigInt64(at, BigInt(value as bigint | string), true)
  return true
}

export const INTEGER_WRITERS: Readonly<Record<8 | 16 | 32 | 64, WriteValue>> = {
  8: writeInteger32,
  16: writeInteger32,
  32: writeInteger32,
  64: writeInteger64,
}

export const writeDate: WriteValue = (view, at, value) => {
  const days = daysOf(value as string)
  if (days === null) return false
  view.setInt32(at, days, true)
  return true
}

export const writeTimestamp: WriteValue = (view, at, value) => {
  const micros = microsOf(value as string)
  if (micros === null) return false
  view.setBigInt64(at, micros, true)
  return true
}

export function decimalWriter(scale: number): WriteValue {
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
