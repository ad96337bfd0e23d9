import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../harness/wait.ts'
import { type Clock, systemClock } from '../../../src/datasources/clock.ts'
import type { Log } from '../../../src/datasources/log.ts'
import { sqliteLog } from '../../../src/datasources/sqliteLog.ts'
import type { BlockFile, OpenBlockFile } from '../../../src/files/receive/assembly.ts'
import { createSeal } from '../../../src/files/wire/seal.ts'
import { type SeenChunk, sha256Of } from '../../setup/filesWorld.ts'
import {
  blockRecords,
  openReceivingWorld,
  type ReceivingOptions,
  type ReceivingWorld,
} from '../../setup/receivingWorld.ts'

const never = new AbortController().signal

let home: string
let log: Log
let world: ReceivingWorld
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-receive-log-'))
  log = sqliteLog({ file: join(home, 'log.sqlite') })
})
beforeEach(async () => {
  world = await openReceivingWorld(log)
})
afterEach(() => world.close())
afterAll(async () => {
  await log.close()
  await rm(home, { recursive: true })
})

test('every file that was sent can be joined again from the folder of its receiver', async () => {
  const files: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    'one block': randomBytes(1_000_000),
    'one and a byte.bin': randomBytes(1_000_001),
    'sub/folder/ünï 🚀 код': randomBytes(2_500_000),
    [`${'n'.repeat(200)}.txt`]: Buffer.from('short'),
  }
  for (const [name, bytes] of Object.entries(files)) await world.write(name, bytes)
  const { receiver } = world.receive()
  const sent = await world.sender({ settings: { blockBytes: 1_000_000, wait: true } }).run(never)
  expect(sent.files.map(({ problem }) => problem)).toEqual(Array(5).fill(null))
  for (const [name, bytes] of Object.entries(files)) expect((await world.joined(name)).equals(bytes)).toBe(true)
  await expect
    .poll(() => receiver.state())
    .toMatchObject({ processedBlocks: 8, failedBlocks: 0, askedAgain: 0, trouble: null })
})

test('a block that comes damaged is asked for again, and taken when it comes whole', async () => {
  const [good, bad] = [randomBytes(3_000), randomBytes(3_000)]
  const { receiver } = world.receive()
  const damaged = blockRecords([good])
  await world.put([{ ...damaged[0]!, value: bad }])
  expect(await world.acknowledged(1)).toMatchObject([
    { outcome: 'again', sendId: 'send-1', sha256: sha256Of(bad), reason: 'its bytes are not those of its digest' },
  ])
  await world.put(blockRecords([good], { sendId: 'send-2' }))
  expect((await world.acknowledged(2))[1]).toMatchObject({ outcome: 'processed', sendId: 'send-2' })
  expect((await world.joined('file')).equals(good)).toBe(true)
  await expect.poll(() => receiver.state()).toMatchObject({ askedAgain: 1, processedBlocks: 1, failedBlocks: 0 })
})

test('a block is asked for again three times; then it has failed, and the commit goes on', async () => {
  world.receive()
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await world.put([
      { ...blockRecords([Buffer.from('good')], { sendId: `send-${attempt}` })[0]!, value: Buffer.from('evil') },
    ])
    await world.acknowledged(attempt)
  }
  const seen = await world.acknowledgments()
  expect(seen.map(({ outcome }) => outcome)).toEqual(['again', 'again', 'again', 'failed'])
  expect(seen[3]!.reason).toBe('its bytes are not those of its digest; it was asked for 3 times again')
  await world.put(blockRecords([Buffer.from('other')], { file: 'other' }))
  await world.acknowledged(1, ({ file, outcome }) => file === 'other' && outcome === 'processed')
})

test('chunks that come twice are skipped, and a missing one has the block asked for again', async () => {
  const parts = [randomBytes(500), randomBytes(500), randomBytes(500)]
  const [first, second, third] = blockRecords(parts)
  world.receive()
  await world.put([first!, second!, first!, second!, third!, third!])
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'processed' }])
  expect((await world.joined('file')).equals(Buffer.concat(parts))).toBe(true)

  const [one, , three] = blockRecords(parts, { file: 'gap' })
  await world.put([one!, three!])
  expect((await world.acknowledged(2))[1]).toMatchObject({
    file: 'gap',
    outcome: 'again',
    sha256: null,
    reason: 'chunk 1 of 3 is missing',
  })
  await world.put([blockRecords(parts, { file: 'late' })[2]!])
  const late = await world.acknowledged(1, ({ file }) => file === 'late')
  expect(late).toMatchObject([{ outcome: 'again', reason: 'its first chunk is missing' }])
  await expectSame(3)
})

test('a newer attempt takes the place of one whose sender is gone, and late chunks of that one change nothing', async () => {
  const parts = [randomBytes(500), randomBytes(500)]
  const [first, second] = blockRecords(parts)
  const [again, ...rest] = blockRecords(parts, { sendId: 'send-2' })
  world.receive()
  await world.put([first!, again!, second!, first!, ...rest])
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'processed', sendId: 'send-2' }])
  await expectSame(1)
})

test('a record that is no chunk is passed over, and the block that it belonged to is asked for again', async () => {
  const [first, second] = blockRecords([randomBytes(500), randomBytes(500)])
  const { receiver } = world.receive()
  await world.put([first!, { ...second!, headers: [] }])
  expect(await world.acknowledged(1)).toMatchObject([
    { outcome: 'again', reason: 'one of its records is no chunk: the header transfer-id is missing' },
  ])
  await world.put([
    { key: Buffer.from('anything'), value: Buffer.from('else') },
    ...blockRecords([Buffer.from('x')], { file: 'x' }),
  ])
  await world.acknowledged(1, ({ outcome }) => outcome === 'processed')
  expect(receiver.state().warnings).toContainEqual(expect.stringContaining('is no chunk'))
})

test('a repeat is recognised by its digest: acknowledged again, without new work', async () => {
  const bytes = randomBytes(2_000)
  const { receiver } = world.receive()
  await world.put(blockRecords([bytes]))
  await world.acknowledged(1)
  const place = join(world.output, 'processed_data_machine1', 'file', 'block_0000.bin')
  const { ino, mtimeMs } = await stat(place)
  await world.put(blockRecords([bytes.subarray(0, 1_000), bytes.subarray(1_000)], { sendId: 'send-2' }))
  expect((await world.acknowledged(2))[1]).toMatchObject({
    outcome: 'processed',
    sendId: 'send-2',
    sha256: sha256Of(bytes),
  })
  expect(await stat(place)).toMatchObject({ ino, mtimeMs })
  await expect.poll(() => receiver.state()).toMatchObject({ processedBlocks: 1, repeatedBlocks: 1 })
})

test('other bytes under the same transfer are stored instead of the old ones', async () => {
  world.receive()
  await world.put(blockRecords([Buffer.from('old bytes')]))
  await world.acknowledged(1)
  await world.put(blockRecords([Buffer.from('new bytes')], { sendId: 'send-2' }))
  expect((await world.acknowledged(2))[1]).toMatchObject({ outcome: 'again' })
  await world.put(blockRecords([Buffer.from('new bytes')], { sendId: 'send-3' }))
  expect((await world.acknowledged(3))[2]).toMatchObject({ outcome: 'processed' })
  expect(String(await world.joined('file'))).toBe('new bytes')
})

test('a block has its metadata beside it', async () => {
  world.receive()
  await world.put(blockRecords([Buffer.from('some'), Buffer.from('thing')], { file: 'sub/a b' }))
  await world.acknowledged(1)
  const folder = join(world.output, 'processed_data_machine1', 'sub', 'a b')
  expect(await readdir(folder)).toEqual(['block_0000.bin', 'block_0000_metadata.json'])
  expect(JSON.parse(await readFile(join(folder, 'block_0000_metadata.json'), 'utf8'))).toMatchObject({
    version: 1,
    file: 'sub/a b',
    fileBytes: 9,
    totalBlocks: 1,
    block: 0,
    blockOffset: 0,
    blockBytes: 9,
    sha256: sha256Of(Buffer.from('something')),
    fileSha256: sha256Of(Buffer.from('something')),
    chunks: 2,
    sendId: 'send-1',
    sender: 'producer1',
    machine: 'machine1',
    sentAt: '2026-11-21T10:00:00.000Z',
  })
})

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
  const { receiver, stop } = world.receive({ clock })
  await world.put([first!])
  await waitUntil({ description: 'an open block', timeoutMillis: 10_000 }, () => receiver.state().openBlocks === 1)
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

test('joins a file as soon as all its blocks are here, where it was asked to', async () => {
  const bytes = randomBytes(2_500)
  await world.write('sub/three blocks', bytes)
  world.receive({ settings: { keepJoined: true } })
  await world.sender({ settings: { blockBytes: 1_024, wait: true } }).run(never)
  const place = join(world.output, 'joined_data_machine1', 'sub', 'three blocks')
  await waitUntil({ description: place, timeoutMillis: 10_000 }, () => existsSync(place))
  expect((await readFile(place)).equals(bytes)).toBe(true)
})

test('with the key sealed blocks are received; without it, with another one, or unsealed they are refused and never written', async () => {
  const [seal, other] = [createSeal(randomBytes(32)), createSeal(randomBytes(32))]
  const bytes = randomBytes(5_000)
  await world.write('secret', bytes)
  const settings = { wait: true, mostResends: 0, blockBytes: 2_000 }
  const receivers: [ReceivingOptions['seal'], string][] = [
    [null, 'Expected a key'],
    [other!, 'to be sealed with our key, but it is not'],
  ]
  for (const [index, [wrong, message]] of receivers.entries()) {
    const { stop } = world.receive({ seal: wrong!, groupId: `wrong-${index}`, settings: { mostAgain: 0 } })
    await world.sender({ seal: seal!, settings }).run(never)
    const refused = await world.acknowledged(3 * (index + 1), ({ outcome }) => outcome === 'failed')
    expect(refused.at(-1)!.reason).toContain(message)
    await stop()
    expect(await readdir(join(world.output, 'processed_data_machine1'))).not.toContain('secret')
  }
  await world.write('open', 'not sealed')
  const { receiver } = world.receive({ seal: seal!, groupId: 'right' })
  await world.sender({ settings }).run(never)
  const unsealed = await world.acknowledged(1, ({ file }) => file === 'open')
  expect(unsealed[0]).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('Expected sealed chunks only') as string,
  })
  await waitUntil(
    { description: 'the sealed blocks', timeoutMillis: 10_000 },
    () => receiver.state().processedBlocks >= 3,
  )
  expect((await world.joined('secret')).equals(bytes)).toBe(true)
})

test.each(['gzip', 'zstd'] as const)('what was compressed with %s, and sealed, comes as it was', async encoding => {
  const seal = createSeal(randomBytes(32))
  const bytes = Buffer.from('the same again and again, '.repeat(100_000))
  await world.write('file', bytes)
  world.receive({ seal })
  await world.sender({ seal, settings: { encoding, wait: true } }).run(never)
  const chunks = await world.chunks()
  expect(chunks.map(({ chunk }) => chunk.encoding)).toEqual(chunks.map(() => encoding))
  expect((await world.joined('file')).equals(bytes)).toBe(true)
})

test('a flipped bit in a sealed chunk is refused', async () => {
  const seal = createSeal(randomBytes(32))
  await world.write('secret', randomBytes(5_000))
  await world.sender({ seal }).run(never)
  const [{ record }] = (await world.chunks()) as [SeenChunk]
  const value = Buffer.from(record.value!)
  value[value.length >> 1]! ^= 1
  await log.removeTopic(world.topics.blocks.name)
  await log.createTopic(world.topics.blocks.name, { partitions: 6, replication: null })
  await world.put([{ key: record.key!, value, headers: record.headers }])
  world.receive({ seal })
  expect(await world.acknowledged(1)).toMatchObject([
    { outcome: 'again', reason: expect.stringContaining('to be sealed with our key, but it is not') as string },
  ])
})

test('reports what it does, at the start, while it is busy and at the end', async () => {
  const { stop } = world.receive()
  await world.put(blockRecords([Buffer.from('bytes')]))
  await world.acknowledged(1)
  await stop()
  const seen = await world.statuses()
  expect(seen[0]).toMatchObject({ machine: 'machine1', role: 'receiver', state: 'starting' })
  expect(seen.at(-1)).toMatchObject({ state: 'stopped', blocksProcessed: 1, bytesProcessed: 5, failures: 0 })
})

test('an output folder that cannot be used, and one that is used already, are told at once', async () => {
  await writeFile(join(world.output, 'file'), '')
  await expect(world.receive({ output: join(world.output, 'file') }).ended).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
  })
  const { receiver } = world.receive()
  await waitUntil({ description: 'the first', timeoutMillis: 10_000 }, () => receiver.state().phase === 'running')
  await expect(world.receive().ended).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('another receiver uses it') as string,
  })
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
