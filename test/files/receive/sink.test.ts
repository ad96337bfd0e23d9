import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import type { Storage } from '../../../src/datasources/storage.ts'
import { MillraceError } from '../../../src/errors.ts'
import { blockRecords, openReceivingWorld, type ReceivingWorld } from '../../setup/receivingWorld.ts'
import { temporaryLog } from '../../setup/temporaryLog.ts'

const never = new AbortController().signal

const temporary = temporaryLog()
let world: ReceivingWorld
let place: string
let storage: Storage
beforeEach(async () => {
  world = await openReceivingWorld(temporary.log)
  place = await mkdtemp(join(temporary.home, 'storage-'))
  storage = localStorage({ folder: place })
})
afterEach(() => world.close())

const sink = () => ({ storage, folder: '/received' })
const received = (name: string) => readFile(join(place, 'received', name))
const blocksLeft = async () =>
  (await readdir(join(place, 'received', '.blocks'))).filter(name => !name.endsWith('.json'))

test('the blocks of several receivers become one file in the storage, and nothing of them stays', async () => {
  const files = { empty: Buffer.alloc(0), 'sub/nine blocks': randomBytes(9_000), 'one block': randomBytes(900) }
  for (const [name, bytes] of Object.entries(files)) await world.write(name, bytes)
  for (const machine of ['machine1', 'machine2', 'machine3']) world.receive({ machine, sink: sink() })
  const sent = await world.sender({ settings: { blockBytes: 1_024, wait: true } }).run(never)
  expect(sent.files.map(({ problem }) => problem)).toEqual([null, null, null])
  for (const [name, bytes] of Object.entries(files)) expect((await received(name)).equals(bytes)).toBe(true)
  expect(await blocksLeft()).toEqual([])
})

test('a file that is whole already is recognised, and put there again where somebody removed it', async () => {
  const bytes = randomBytes(3_000)
  const { receiver } = world.receive({ sink: sink() })
  await world.put(blockRecords([bytes]))
  await world.acknowledged(1)
  await world.put(blockRecords([bytes], { sendId: 'send-2' }))
  await world.acknowledged(2)
  await expect.poll(() => receiver.state()).toMatchObject({ processedBlocks: 1, repeatedBlocks: 1 })
  await rm(join(place, 'received', 'file'))
  await world.put(blockRecords([bytes], { sendId: 'send-3' }))
  await world.acknowledged(3)
  expect((await received('file')).equals(bytes)).toBe(true)
  await expect.poll(() => receiver.state()).toMatchObject({ processedBlocks: 2, repeatedBlocks: 1 })
})

test('whoever meets all blocks of a file that nobody put together does so', async () => {
  const bytes = randomBytes(2_500)
  await world.write('file', bytes)
  let isFirst = true
  const dying: Storage = {
    ...storage,
    async rename(from, to, call) {
      // The receiver dies when all blocks are there, before the file is.
      if (to === '/received/file' && isFirst) throw new Error('killed')
      await storage.rename(from, to, call)
    },
  }
  const { ended } = world.receive({ sink: { storage: dying, folder: '/received' } })
  await world.sender({ settings: { blockBytes: 1_024 } }).run(never)
  await expect(ended).rejects.toThrow('killed')
  isFirst = false
  world.receive({ machine: 'machine2', sink: sink() })
  await world.acknowledged(3, ({ outcome }) => outcome === 'processed')
  expect((await received('file')).equals(bytes)).toBe(true)
  expect(await blocksLeft()).toEqual([])
})

test('blocks whose file has another digest have failed, and make no file', async () => {
  const bytes = Buffer.from('some bytes')
  world.receive({ sink: sink() })
  await world.put(blockRecords([bytes], { fileSha256: 'ab'.repeat(32) }))
  expect(await world.acknowledged(1)).toMatchObject([
    { outcome: 'failed', reason: 'Expected the blocks of "file" to make it, but its digest is another.' },
  ])
  await expect(received('file')).rejects.toThrow('ENOENT')
})

test('a storage that does not answer is waited for', async () => {
  let isAway = true
  const { receiver } = world.receive({
    sink: {
      folder: '/received',
      storage: {
        ...storage,
        async create(...parameters) {
          if (isAway) throw unavailable()
          await storage.create(...parameters)
        },
      },
    },
  })
  await world.put(blockRecords([Buffer.from('bytes')]))
  await expect.poll(() => receiver.state().trouble, { timeout: 10_000 }).toBe('the storage is away')
  expect(await world.acknowledgments()).toEqual([])
  isAway = false
  await world.acknowledged(1, ({ outcome }) => outcome === 'processed')
  expect(String(await received('file'))).toBe('bytes')
})

function unavailable(): MillraceError {
  return new MillraceError('UNAVAILABLE', 'the storage is away')
}
