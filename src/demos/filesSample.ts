import { randomBytes } from 'node:crypto'
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface DemoFile {
  /** Below the folder. */
  name: string
  bytes: number
}

export const BLOCK_MIB = 4
const BYTES_PER_MIB = 1024 * 1024
const FILES: readonly DemoFile[] = [
  { name: 'film.bin', bytes: 10 * BLOCK_MIB * BYTES_PER_MIB },
  { name: 'photos/a château.bin', bytes: 6 * BLOCK_MIB * BYTES_PER_MIB + 1 },
  { name: 'empty.txt', bytes: 0 },
]

/** Random bytes: ten whole blocks, six and a byte, and none. */
export async function makeFiles(folder: string): Promise<readonly DemoFile[]> {
  for (const { name, bytes } of FILES) {
    const place = join(folder, name)
    mkdirSync(dirname(place), { recursive: true })
    await pipeline(Readable.from(randomPieces(bytes)), createWriteStream(place))
  }
  return FILES
}

function* randomPieces(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BYTES_PER_MIB) yield randomBytes(Math.min(left, BYTES_PER_MIB))
}
