import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Call } from '../../datasources/call.ts'
import type { Publisher } from '../../datasources/publish.ts'
import type { Content } from '../../datasources/storage.ts'
import { childOf } from '../../datasources/storagePath.ts'
import { LANDING_LAYOUT, type LandedFile, landingFolder } from './landing.ts'

const CHUNK_BYTES = 1024 * 1024

/** Puts a file into the landing folder of a date, and tells what a manifest says of it. */
export async function publishFile(
  publisher: Publisher,
  date: string,
  { name, rows, content }: { name: string; rows: number; content: () => Content },
  call: Call,
): Promise<LandedFile> {
  let hash = createHash('sha256')
  async function* hashed() {
    hash = createHash('sha256')
    for await (const chunk of content()) {
      hash.update(chunk)
      yield chunk
    }
  }
  const { length } = await publisher.publish(childOf(landingFolder(date), name), hashed, LANDING_LAYOUT, { call })
  return { name, bytes: length, sha256: hash.digest('hex'), rows }
}

export function localContent(file: string): () => Content {
  return () => createReadStream(file, { highWaterMark: CHUNK_BYTES })
}
