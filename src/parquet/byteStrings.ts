import { compactIntegers } from './compactIntegers.ts'

/** A growing sequence of byte strings. */
export interface ByteStrings {
  addText(value: string): void
  addBytes(value: Uint8Array): void
  bytes(): number
  /** As Arrow lays out text and binary values: all bytes, and where each string begins; and an empty sequence again. */
  take(): { values: Uint8Array; offsets: Uint8Array }
}

const CHUNK_BYTES = 16_384
const FIRST_CHUNK_BYTES = 512
/** UTF-8 takes at most this much for each UTF-16 unit of a string. */
const UTF8_BYTES_PER_UNIT = 3

export function byteStrings(): ByteStrings {
  const lengths = compactIntegers()
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

  return {
    addText(value) {
      reserve(value.length * UTF8_BYTES_PER_UNIT)
      const written = chunk.write(value, used)
      used += written
      lengths.push(written)
    },
    addBytes(value) {
      reserve(value.length)
      chunk.set(value, used)
      used += value.length
      lengths.push(value.length)
    },
    bytes: () => bytes + lengths.bytes(),
    take() {
      const parts = [...full, chunk.subarray(0, used)]
      const values = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
      let at = 0
      for (const part of parts) {
        values.set(part, at)
        at += part.length
      }
      const offsets = new Int32Array(lengths.length() + 1)
      for (let index = 1; index < offsets.length; index++) offsets[index] = offsets[index - 1]! + lengths.get(index - 1)
      lengths.take()
      full = []
      chunk = Buffer.alloc(0)
      used = 0
      bytes = 0
      return { values, offsets: new Uint8Array(offsets.buffer) }
    },
  }
}
