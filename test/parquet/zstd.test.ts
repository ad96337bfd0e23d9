import { zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LEAST_COMPRESSED_BYTES, zstdFrame } from '../../src/parquet/zstd.ts'

test.each([0, 1, 255, 256, 257, LEAST_COMPRESSED_BYTES - 1, LEAST_COMPRESSED_BYTES, 100_000])(
  '%i bytes come back from their frame',
  length => {
    const body = Uint8Array.from({ length }, (_, at) => (at * 7919) >> 3)
    const frame = zstdFrame(body)
    expect(new Uint8Array(zstdDecompressSync(frame))).toEqual(body)
  },
)

test('any bytes come back from their frame, whose size is bounded', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6_000 }), body => {
      const frame = zstdFrame(body)
      expect(Buffer.compare(zstdDecompressSync(frame), body)).toBe(0)
      expect(frame.length).toBeLessThan(body.length + 32)
    }),
    { numRuns: 2_000 },
  )
})
