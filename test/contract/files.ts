import type { FileLayout } from '../../src/datasources/storage.ts'

/** What HDFS takes at least, and a directory ignores. */
export const LAYOUT: FileLayout = { replication: 1, blockBytes: 1024 * 1024 }

/** Bytes that no compression and no zero-filled buffer would fake; the same for the same length. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = length + 1
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[index] = state >>> 16
  }
  return bytes
}
