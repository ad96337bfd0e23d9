import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import { createPublisher } from '../../../src/datasources/publish.ts'
import type { Storage } from '../../../src/datasources/storage.ts'
import { moveAside } from '../../../src/weather/sink/moveAside.ts'
import { LAYOUT } from '../../contract/files.ts'

const PATH = '/data/partition-0-batch-3.parquet'

let folder: string
let storage: Storage
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-aside-'))
  storage = localStorage({ folder })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const put = async (text: string) => {
  await storage.create(PATH, [Buffer.from(text)], LAYOUT)
  return await storage.stat(PATH)
}
const move = (status: Awaited<ReturnType<typeof put>>, changes: Partial<Storage> = {}) =>
  moveAside(
    { storage: { ...storage, ...changes }, publisher: createPublisher(storage, 'test'), layout: LAYOUT },
    { status, reason: 'it is foreign' },
    {},
  )
const names = async (at: string) => (await storage.list(at)).map(({ path }) => path.slice(at.length + 1))

test('a stray file goes to the dead letters with the reason beside it', async () => {
  const status = await put('foreign')
  expect(await move(status)).toBe(true)
  expect(await names('/data')).toEqual([])
  const aside = `partition-0-batch-3.parquet-${status.fileId}`
  expect(await names('/dead-letters')).toEqual([aside, `${aside}.json`])
})

test('a file that took the name before is left alone', async () => {
  const status = await put('foreign')
  await storage.remove(PATH)
  const good = await put('good')
  expect(await move(status)).toBe(true)
  expect(await storage.stat(PATH)).toEqual(good)
})

test('a file that takes the name at the last moment goes back', async () => {
  const status = await put('foreign')
  let goodId = ''
  const moved = await move(status, {
    async renameNew(from, to, call) {
      if (from === PATH && goodId === '') {
        await storage.remove(PATH)
        goodId = (await put('good')).fileId
      }
      await storage.renameNew(from, to, call)
    },
  })
  expect(moved).toBe(false)
  expect((await storage.stat(PATH)).fileId).toBe(goodId)
})

test('a folder that cannot be moved stays, and that is told', async () => {
  await storage.create(`${PATH}/inside`, [Buffer.from('x')], LAYOUT)
  expect(await move(await storage.stat(PATH))).toBe(false)
  expect((await storage.stat(PATH)).kind).toBe('folder')
})
