import type { LogHeader } from '../log.ts'

/** Headers in one blob: for each the length of its name, the name in UTF-8, the length of its value, the value; lengths in 4 bytes. */
export function encodeHeaders(headers: readonly LogHeader[]): Uint8Array | null {
  if (headers.length === 0) return null
  const names = headers.map(({ name }) => Buffer.from(name))
  const length = headers.reduce((sum, { value }, index) => sum + 8 + names[index]!.length + value.length, 0)
  const blob = Buffer.allocUnsafe(length)
  let at = 0
  const put = (bytes: Uint8Array) => {
    at = blob.writeUInt32BE(bytes.length, at)
    blob.set(bytes, at)
    at += bytes.length
  }
  headers.forEach(({ value }, index) => {
    put(names[index]!)
    put(value)
  })
  return blob
}

/** Values are views of `blob`. */
export function decodeHeaders(blob: Uint8Array | null): LogHeader[] {
  if (blob === null) return []
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const headers: LogHeader[] = []
  let at = 0
  const take = () => {
    const start = at + 4
    at = start + bytes.readUInt32BE(at)
    return bytes.subarray(start, at)
  }
  while (at < bytes.length) headers.push({ name: take().toString(), value: take() })
  return headers
}
