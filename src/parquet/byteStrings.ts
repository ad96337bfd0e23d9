import { free } from './free.ts'

/** A growing sequence of byte strings, as Parquet has them: each after its length in four bytes. */
export interface ByteStrings {
  addText(value: string): void
  addBytes(bytes: Uint8Array, start: number, length: number): void
  bytes(): number
  /** All of it, and an empty sequence again. */
  take(): Uint8Array
}

const CHUNK_BYTES = 16_384
const FIRST_CHUNK_BYTES = 512
/** UTF-8 takes at most this much for each UTF-16 unit of a string. */
const UTF8_BYTES_PER_UNIT = 3
const LENGTH_BYTES = 4
/** From here on a view costs less than a loop. */
const LONG_BYTES = 64

export function byteStrings(): ByteStrings {
  let full: Buffer[] = []
  let chunk = Buffer.alloc(0)
  let used = 0
  let bytes = 0

  /** A string never spans two chunks; a long one has a chunk of its own. */
  const reserve = (more: number) => {
    if (used + more <= chunk.length) return
    if (used > 0) full.push(chunk.subarray(0, used))
    const wanted = Math.min(CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, chunk.length * 2))
    chunk = Buffer.from(new ArrayBuffer(Math.max(more, wanted)))
    bytes += chunk.length
    used = 0
  }

  const writeLength = (length: number) => {
    chunk.writeUInt32LE(length, used)
    used += LENGTH_BYTES + length
  }

  return {
    addText(value) {
      reserve(LENGTH_BYTES + value.length * UTF8_BYTES_PER_UNIT)
      writeLength(chunk.write(value, used + LENGTH_BYTES))
    },
    addBytes(source, start, length) {
      reserve(LENGTH_BYTES + length)
      if (length > LONG_BYTES) chunk.set(source.subarray(start, start + length), used + LENGTH_BYTES)
      else for (let at = 0; at < length; at++) chunk[used + LENGTH_BYTES + at] = source[start + at]!
      writeLength(length)
    },
    bytes: () => bytes,
    take() {
      const parts = [...full, chunk.subarray(0, used)]
      const values = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
      let at = 0
      for (const part of parts) {
        values.set(part, at)
        at += part.length
      }
      free(parts)
      full = []
      chunk = Buffer.alloc(0)
      used = 0
      bytes = 0
      return values
    },
  }
}

/** All of them, in the same layout. */
export function byteStringsOf(texts: Iterable<string>): { values: Uint8Array; count: number } {
  const strings = byteStrings()
  let count = 0
  for (const text of texts) {
    strings.addText(text)
    count++
  }
  return { values: strings.take(), count }
}
