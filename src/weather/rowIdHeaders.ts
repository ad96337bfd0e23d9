import type { LogHeader } from '../datasources/log.ts'

/** What a record says of the row it was made from. */
export interface RowIds {
  /** The row's id in the source. */
  rowId: number
  /** All rows up to this id were acknowledged, in every partition, before this record was sent. */
  completeThrough: number
}

const ROW_ID = 'row-id'
const COMPLETE_THROUGH = 'complete-through'
const BYTES = 8

/** Two headers of eight bytes each, big-endian. `completeThrough` is shared by the records of one send. */
export function rowIdHeaders(rowId: number, completeThrough: LogHeader): LogHeader[] {
  return [{ name: ROW_ID, value: bytesOf(rowId) }, completeThrough]
}

export function completeThroughHeader(rowId: number): LogHeader {
  return { name: COMPLETE_THROUGH, value: bytesOf(rowId) }
}

/** The id of the row that a record was made from; undefined for a record of a producer that gives none. */
export function rowIdOf(headers: readonly LogHeader[]): number | undefined {
  return numberIn(headers, ROW_ID)
}

/** Undefined for a record of a producer that gives none. */
export function rowIdsOf(headers: readonly LogHeader[]): RowIds | undefined {
  const rowId = numberIn(headers, ROW_ID)
  const completeThrough = numberIn(headers, COMPLETE_THROUGH)
  return rowId === undefined || completeThrough === undefined ? undefined : { rowId, completeThrough }
}

function bytesOf(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(BYTES)
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), 0)
  bytes.writeUInt32BE(value % 2 ** 32, BYTES / 2)
  return bytes
}

function numberIn(headers: readonly LogHeader[], name: string): number | undefined {
  const value = headers.find(header => header.name === name)?.value
  if (value?.length !== BYTES) return undefined
  const number = at(value, 0) * 2 ** 32 + at(value, BYTES / 2)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Four bytes as a number. */
function at(bytes: Uint8Array, start: number): number {
  return bytes[start]! * 2 ** 24 + (bytes[start + 1]! << 16) + (bytes[start + 2]! << 8) + bytes[start + 3]!
}
