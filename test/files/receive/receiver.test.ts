import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../harness/wait.ts'
import { sha256Of } from '../../setup/filesWorld.ts'
import { blockRecords, openReceivingWorld, type ReceivingWorld } from '../../setup/receivingWorld.ts'
import { temporaryLog } from '../../setup/temporaryLog.ts'

const never = new AbortController().signal

const temporary = temporaryLog()
let world: ReceivingWorld
beforeEach(async () => {
  world = await openReceivingWorld(temporary.log)
})
afterEach(() => world.close())

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

test('joins a file as soon as all its blocks are here, where it was asked to', async () => {
  const bytes = randomBytes(2_500)
  await world.write('sub/three blocks', bytes)
  world.receive({ settings: { keepJoined: true } })
  await world.sender({ settings: { blockBytes: 1_024, wait: true } }).run(never)
  const place = join(world.output, 'joined_data_machine1', 'sub', 'three blocks')
  await waitUntil({ description: place, timeoutMillis: 10_000 }, () => existsSync(place))
  expect((await readFile(place)).equals(bytes)).toBe(true)
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
