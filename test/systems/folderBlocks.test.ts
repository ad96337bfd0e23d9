import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localStorage } from '../../src/datasources/localStorage.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { blocksOf } from '../../src/systems/folderBlocks.ts'

const LAYOUT = { replication: 1, blockBytes: 1 << 20 }

let folder: string
let storage: Storage
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-blocks-'))
  storage = localStorage({ folder })
})
afterEach(async () => {
  await storage.close()
  await rm(folder, { recursive: true })
})

const write = (path: string, bytes: number) => storage.create(path, [new Uint8Array(bytes)], LAYOUT)

test('the blocks of a folder are those of its files, as if they were one, without hidden files', async () => {
  await write('/data/b', 10)
  await write('/data/a', (1 << 20) + 5)
  await write('/data/_index', 7)
  await write('/data/deep/c', 7)
  const { length, replication, blockBytes, blocks } = await blocksOf(storage, '/data', {})
  expect({ length, replication, blockBytes }).toEqual({ length: (1 << 20) + 15, ...LAYOUT })
  expect(blocks.map(({ offset, length }) => [offset, length])).toEqual([
    [0, 1 << 20],
    [1 << 20, 5],
    [(1 << 20) + 5, 10],
  ])
})

test('a file is asked about once', async () => {
  await write('/data', 3)
  const cost = { requests: 0, bytes: 0 }
  expect(await blocksOf(storage, '/data', { cost })).toMatchObject({ length: 3 })
  expect(cost.requests).toBe(1)
})

test('what is being replaced is found aside', async () => {
  await write('/.data.0b8f3c52-6a0e-4a3b-8f64-1f0c4a5c9d11.aside/a', 3)
  expect(await blocksOf(storage, '/data', {})).toMatchObject({ length: 3 })
})

test('nothing is NOT_FOUND, and a folder without files BAD_USER_INPUT', async () => {
  await expect(blocksOf(storage, '/none', {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await write('/data/deep/c', 7)
  await expect(blocksOf(storage, '/data', {})).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
})
