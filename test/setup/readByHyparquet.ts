import { zstdDecompressSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'

/** A file's rows as a reader that shares no code with ours finds them; Zstandard is left to those who use it. */
export async function readByHyparquet(file: Uint8Array): Promise<Record<string, unknown>[]> {
  const copy = Uint8Array.from(file)
  return await parquetReadObjects({ file: copy.buffer, compressors: { ZSTD: input => zstdDecompressSync(input) } })
}
