import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import type { Storage } from '../../../src/datasources/storage.ts'
import { MillraceError } from '../../../src/errors.ts'
import { metadataOf } from '../../../src/files/receive/blockMetadata.ts'
import { localBlocks } from '../../../src/files/receive/blockStore.ts'
import { readChunkHeaders } from '../../../src/files/wire/chunk.ts'
import { sha256Of } from '../../setup/filesWorld.ts'
import { blockRecords } from '../../setup/receivingWorld.ts'

const HISTORY = { machine: 'machine1', receivedAtMillis: 0, processedAtMillis: 0, attempts: 0 }

let folder: string
let storage: Storage
const newPath = () => `/.assembling/${randomUUID()}`
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-blocks-'))
  storage = localStorage({ folder })
})
afterEach(() => rm(folder, { recursive: true }))

/** A block of these bytes, assembled. */
async function assembled(text: string) {
  const bytes = Buffer.from(text)
  const chunk = readChunkHeaders(blockRecords([bytes])[0]!.headers!)
  if ('problem' in chunk) throw new Error(chunk.problem)
  const path = newPath()
  await storage.create(path, [bytes], { replication: 1, blockBytes: 512 })
  return { chunk, file: { path, place: join(folder, path) }, metadata: metadataOf(chunk, sha256Of(bytes), HISTORY) }
}

test('a block that is stored is found, but not under another transfer', async () => {
  const { chunk, file, metadata } = await assembled('bytes')
  const store = localBlocks(storage, newPath)
  expect(await store.find(chunk, {})).toBeUndefined()
  await store.put(file, metadata, {})
  expect(await store.find(chunk, {})).toEqual(metadata)
  expect(await store.find({ ...chunk, transferId: 'ab'.repeat(16) }, {})).toBeUndefined()
  expect(await readdir(join(folder, '.assembling'))).toEqual([])
})

test('a block whose bytes were cut is not found', async () => {
  const { chunk, file, metadata } = await assembled('bytes')
  const store = localBlocks(storage, newPath)
  await store.put(file, metadata, {})
  await writeFile(join(folder, 'file', 'block_0000.bin'), 'byte')
  expect(await store.find(chunk, {})).toBeUndefined()
})

test('a disk that is full when the metadata is written costs nothing: the same call succeeds later', async () => {
  const { chunk, file, metadata } = await assembled('bytes')
  let isFull = true
  const store = localBlocks(
    {
      ...storage,
      async create(...parameters) {
        if (isFull) throw new MillraceError('UNAVAILABLE', 'the disk is full')
        await storage.create(...parameters)
      },
    },
    newPath,
  )
  await expect(store.put(file, metadata, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await store.find(chunk, {})).toBeUndefined()
  isFull = false
  await store.put(file, metadata, {})
  expect(await store.find(chunk, {})).toEqual(metadata)
})

test('an end in between leaves nothing half-written', async () => {
  const { file, metadata } = await assembled('bytes')
  const ending = new AbortController()
  const store = localBlocks(
    {
      ...storage,
      async create(...parameters) {
        await storage.create(...parameters)
        ending.abort(new Error('the partition is lost'))
      },
    },
    newPath,
  )
  await expect(store.put(file, metadata, { signal: ending.signal })).rejects.toThrow('the partition is lost')
  expect(await readdir(join(folder, '.assembling'))).toEqual([])
  expect(await readdir(join(folder, 'file'))).toEqual(['block_0000.bin'])
})
