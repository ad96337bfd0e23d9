import type { LogHeader, LogRecord, OutgoingRecord } from '../log.ts'

/** What is read from the file at once; a larger record has a batch for itself. */
const BATCH_BYTES = 256 * 1024
const LENGTH_BYTES = 4

/** Records in groups that each fit a batch, in order. */
export function* inBatches(records: readonly OutgoingRecord[]): Generator<OutgoingRecord[], void, undefined> {
  let batch: OutgoingRecord[] = []
  let bytes = 0
  for (const record of records) {
    const more = encodedLength(record)
    if (batch.length > 0 && bytes + more > BATCH_BYTES) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += more
  }
  if (batch.length > 0) yield batch
}

/** For each record its key, its value and the number of its headers, and for each of these its name and value; all but the number with their length before them. */
export function encodeBatch(records: readonly OutgoingRecord[]): Uint8Array {
  const blob = Buffer.allocUnsafe(records.reduce((sum, record) => sum + encodedLength(record), 0))
  let at = 0
  const put = (bytes: Uint8Array) => {
    at = blob.writeUInt32BE(bytes.length, at)
    blob.set(bytes, at)
    at += bytes.length
  }
  for (const { key, value, headers = [] } of records) {
    put(key)
    put(value)
    at = blob.writeUInt32BE(headers.length, at)
    for (const header of headers) {
      put(Buffer.from(header.name))
      put(header.value)
    }
  }
  return blob
}

/** Keys and values are views of the blob. */
export function decodeBatch(blob: Uint8Array, firstOffset: number, timestampMillis: number): LogRecord[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const records: LogRecord[] = []
  let at = 0
  const number = () => {
    at += LENGTH_BYTES
    return bytes.readUInt32BE(at - LENGTH_BYTES)
  }
  const take = () => {
    const length = number()
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = take()
    const value = take()
    const headers: LogHeader[] = []
    for (let left = number(); left > 0; left -= 1) headers.push({ name: take().toString(), value: take() })
    records.push({ offset: firstOffset + records.length, timestampMillis, key, value, headers })
  }
  return records
}

function encodedLength({ key, value, headers = [] }: OutgoingRecord): number {
  const ofHeaders = headers.reduce(
    (sum, header) => sum + 2 * LENGTH_BYTES + Buffer.byteLength(header.name) + header.value.length,
    0,
  )
  return 3 * LENGTH_BYTES + key.length + value.length + ofHeaders
}
