import { constants, zstdCompressSync } from 'node:zlib'

/** Fewer are not worth it: Node makes a compressor for each call, and a row group of a hundred columns has two hundred pages. */
export const LEAST_COMPRESSED_BYTES = 4_096
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** The frame of RFC 8878 that holds `body`: compressed, or as it is where it is short. */
export function zstdFrame(body: Uint8Array): Uint8Array {
  return body.length < LEAST_COMPRESSED_BYTES ? storedFrame(body) : zstdCompressSync(body, LEVEL)
}

const MAGIC_NUMBER = 0xfd2fb528
/** One segment, no checksum, no dictionary; the content's size in two bytes, which count from 256, or in one. */
const SIZE_IN_TWO_BYTES = { descriptor: 0b0110_0000, from: 256 }
const SIZE_IN_ONE_BYTE = { descriptor: 0b0010_0000, from: 0 }
const LAST_RAW_BLOCK = 1

function storedFrame(body: Uint8Array): Uint8Array {
  const { length } = body
  const size = length < SIZE_IN_TWO_BYTES.from ? SIZE_IN_ONE_BYTE : SIZE_IN_TWO_BYTES
  const header = [
    ...littleEndian(MAGIC_NUMBER, 4),
    size.descriptor,
    ...littleEndian(length - size.from, size === SIZE_IN_ONE_BYTE ? 1 : 2),
    ...littleEndian((length << 3) | LAST_RAW_BLOCK, 3),
  ]
  const frame = new Uint8Array(header.length + length)
  frame.set(header)
  frame.set(body, header.length)
  return frame
}

function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, at) => (value >>> (8 * at)) & 0xff)
}
