import { randomBytes } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../harness/wait.ts'
import { type Clock, systemClock } from '../../../src/datasources/clock.ts'
import type { BlockFile, OpenBlockFile } from '../../../src/files/receive/assembly.ts'
import { blockRecords, openReceivingWorld, type ReceivingWorld } from '../../setup/receivingWorld.ts'
import { temporaryLog } from '../../setup/temporaryLog.ts'

const temporary = temporaryLog()
let world: ReceivingWorld
beforeEach(async () => {
  world = await openReceivingWorld(temporary.log)
})
afterEach(() => world.close())

test('what is stopped in the middle of a block is done by the next, from the beginning of the block', async () => {
  const parts = [randomBytes(500), randomBytes(500)]
  const [first, second] = blockRecords(parts)
  const before = world.receive()
  await world.put([first!])
  await waitUntil(
    { description: 'an open block', timeoutMillis: 10_000 },
    () => before.receiver.state().openBlocks === 1,
  )
  await before.stop()
  expect(await readdir(join(world.output, 'processed_data_machine1', '.assembling'))).toEqual(['lock'])
  world.receive({ machine: 'machine2' })
  await world.put([second!])
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'processed', machine: 'machine2' }])
  expect((await world.joined('file')).equals(Buffer.concat(parts))).toBe(true)
})

test('a block that is being finished when the receiver is stopped is finished, and committed', async () => {
  const [arrived, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const before = world.receive({
    async onStep(step) {
      if (step !== 'stored') return
      arrived.resolve()
      await goOn.promise
    },
  })
  await world.put(blockRecords([randomBytes(500)]))
  await arrived.promise
  const stopped = before.stop()
  goOn.resolve()
  await stopped
  expect(await world.acknowledgments()).toMatchObject([{ outcome: 'processed', machine: 'machine1' }])
  world.receive({ machine: 'machine2' })
  await expectSame(1)
})

test('a block whose partition went to another while it was stored is not acknowledged by the one that lost it', async () => {
  const [arrived, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isFirst = true
  const before = world.receive({
    async onStep(step) {
      if (step !== 'stored' || !isFirst) return
      isFirst = false
      arrived.resolve()
      await goOn.promise
    },
  })
  await world.put(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((file, partition) => ({
      ...blockRecords([Buffer.from(file)], { file })[0]!,
      partition,
    })),
  )
  await arrived.promise
  const others = ['machine2', 'machine3', 'machine4', 'machine5', 'machine6'].map(machine => world.receive({ machine }))
  await waitUntil({ description: 'the others to share', timeoutMillis: 10_000 }, () =>
    others.every(({ receiver }) => receiver.state().partitions.length === 1),
  )
  goOn.resolve()
  await world.acknowledged(6)
  await expectSame(6)
  expect(before.receiver.state().trouble).toBeNull()
})

test('a block whose sender is gone is given up after a while, and holds nothing back', async () => {
  const clock = steppedClock()
  const [first] = blockRecords([randomBytes(500), randomBytes(500)])
  const written = Promise.withResolvers<void>()
  const { receiver, stop } = world.receive({
    clock,
    onStep: step => void (step === 'chunk written' && written.resolve()),
  })
  await world.put([first!])
  await written.promise
  expect(receiver.state().openBlocks).toBe(1)
  clock.step(11 * 60_000)
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'again', reason: 'chunk 1 did not come' }])
  await stop()
  const other = world.receive({ machine: 'machine2' })
  await world.put(blockRecords([Buffer.from('next')], { sendId: 'send-2' }))
  await world.acknowledged(1, ({ outcome }) => outcome === 'processed')
  await expect.poll(() => other.receiver.state()).toMatchObject({ openBlocks: 0, askedAgain: 0 })
})

test('of many blocks that are begun and not ended the most silent is given up', async () => {
  const { receiver } = world.receive({ settings: { mostOpenBlocks: 2 } })
  const begun = ['a', 'b', 'c'].map(file => {
    const [record] = blockRecords([randomBytes(10), randomBytes(10)], { file })
    return { ...record!, partition: 0 }
  })
  await world.put(begun)
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'again', reason: '2 other blocks were under way' }])
  await expect.poll(() => receiver.state().openBlocks).toBe(2)
})

test('a full disk pauses the receiver, which says so, and goes on when there is room', async () => {
  let isFull = true
  const noRoom = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  const openFile: OpenBlockFile = async place => {
    const file = await open(place, 'wx')
    return {
      sync: () => file.sync(),
      close: () => file.close(),
      // Half of it fits: the rest is written when there is room.
      write: async (bytes: Uint8Array, from: number, length: number, position: number) => {
        if (isFull && position + length > 700) throw noRoom()
        return await file.write(bytes, from, Math.min(length, 300), position)
      },
    } as BlockFile
  }
  const parts = [randomBytes(500), randomBytes(500), randomBytes(500)]
  const { receiver } = world.receive({ openFile })
  await world.put(blockRecords(parts))
  await waitUntil({ description: 'the trouble', timeoutMillis: 10_000 }, () => receiver.state().trouble !== null)
  expect(receiver.state().trouble).toBe('The disk of the output folder is full.')
  const isPaused = async () =>
    (await world.statuses()).some(({ state, trouble }) => state === 'paused' && trouble !== undefined)
  await waitUntil({ description: 'a status that says so', timeoutMillis: 10_000 }, isPaused)
  expect(await world.acknowledgments()).toEqual([])
  isFull = false
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'processed' }])
  expect(receiver.state().trouble).toBeNull()
  expect((await world.joined('file')).equals(Buffer.concat(parts))).toBe(true)
})

test('a receiver ends after as many blocks as it was told, and leaves the others to the next', async () => {
  for (const file of ['a', 'b', 'c', 'd']) await world.put(blockRecords([Buffer.from(file)], { file }))
  const limited = world.receive({ settings: { maxBlocks: 2 } })
  await limited.ended
  expect(limited.receiver.state()).toMatchObject({ phase: 'stopped', processedBlocks: 2 })
  expect(await world.acknowledgments()).toHaveLength(2)
  const next = world.receive({ machine: 'machine2' })
  await world.acknowledged(4)
  expect((await world.acknowledgments()).map(({ file }) => file).sort()).toEqual(['a', 'b', 'c', 'd'])
  // Counted when it is acknowledged.
  await expect.poll(() => next.receiver.state()).toMatchObject({ processedBlocks: 2, repeatedBlocks: 0 })
})

/** Nothing more is acknowledged than so many, also when all that was sent is done with. */
async function expectSame(count: number): Promise<void> {
  const { partitions } = world.topics.blocks
  for (let partition = 0; partition < partitions; partition += 1) {
    const [record] = blockRecords([Buffer.from('last')], { file: `last ${partition}` })
    await world.put([{ ...record!, partition }])
  }
  await world.acknowledged(partitions, ({ file }) => file.startsWith('last '))
  expect(await world.acknowledgments()).toHaveLength(count + partitions)
}

/** A clock that can be set forward. */
function steppedClock(): Clock & { step: (millis: number) => void } {
  let aheadMillis = 0
  return {
    ...systemClock,
    nowMillis: () => Date.now() + aheadMillis,
    step(millis) {
      aheadMillis += millis
    },
  }
}
