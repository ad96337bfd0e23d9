import { deflateSync, inflateSync } from 'node:zlib'
import { MillraceError } from '../../errors.ts'
import { NO_ROW_ID } from '../sink/batchCodec.ts'

/** Of a row without an id: no difference is -0. */
const NO_DELTA = 0
/** A difference below 2^53, of which the first byte holds six bits and each other one seven. */
const MOST_VARINT_BYTES = 8
/** Deltas within one partition are small and alike: a better search costs three times as much and saves some 5 %. */
const DEFLATE_LEVEL = 1

/**
 * The row ids of some rows, in their order: differences as varints, deflated with a checksum. Some 0.6 bytes a row where the ids of a
 * partition ascend. NO_ROW_ID stands for a row without an id.
 */
export function encodeRowIds(rowIds: ArrayLike<number>): Uint8Array {
  const bytes = Buffer.alloc(rowIds.length * MOST_VARINT_BYTES)
  let at = 0
  let previous = 0
  for (let row = 0; row < rowIds.length; row++) {
    const rowId = rowIds[row]!
    if (rowId === NO_ROW_ID) {
      bytes[at++] = NO_DELTA
      continue
    }
    const delta = rowId - previous
    previous = rowId
    // The first byte holds the sign and six bits, so that twice a large difference need not be exact.
    let rest = Math.abs(delta)
    bytes[at++] = (rest % 64) * 2 + (delta < 0 ? 0 : 1) + (rest < 64 ? 0 : 128)
    if (rest < 64) continue
    for (rest = Math.floor(rest / 64); rest > 127; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128
    bytes[at++] = rest
  }
  return deflateSync(bytes.subarray(0, at), { level: DEFLATE_LEVEL })
}

/** @param rows How many there must be; DATA_LOST where the bytes hold another number, or are damaged. */
export function decodeRowIds(encoded: Uint8Array, rows: number): Float64Array {
  const bytes = inflated(encoded, rows)
  const rowIds = new Float64Array(rows)
  let at = 0
  let previous = 0
  for (let row = 0; row < rows; row++) {
    const first = bytes[at++]
    if (first === NO_DELTA) continue
    let last = first
    let size = ((first ?? 0) & 127) >> 1
    for (let factor = 64; last !== undefined && last > 127; factor *= 128) {
      last = bytes[at++]
      size += ((last ?? 0) & 127) * factor
    }
    if (first === undefined || last === undefined) throw damaged(`expected ${rows} row ids, found ${row}`)
    previous += first % 2 === 1 ? size : -size
    rowIds[row] = previous
  }
  if (at !== bytes.length) throw damaged(`expected ${rows} row ids, found more`)
  return rowIds
}

function inflated(encoded: Uint8Array, rows: number): Uint8Array {
  try {
    return inflateSync(encoded, { maxOutputLength: rows * MOST_VARINT_BYTES + 1 })
  } catch (cause) {
    throw damaged('the row ids do not inflate', cause)
  }
}

function damaged(what: string, cause?: unknown): MillraceError {
  return new MillraceError('DATA_LOST', `The row ids of a batch file are damaged: ${what}.`, { cause })
}
