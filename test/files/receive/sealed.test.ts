import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../harness/wait.ts'
import { createSeal } from '../../../src/files/wire/seal.ts'
import type { SeenChunk } from '../../setup/filesWorld.ts'
import { openReceivingWorld, type ReceivingOptions, type ReceivingWorld } from '../../setup/receivingWorld.ts'
import { temporaryLog } from '../../setup/temporaryLog.ts'

const never = new AbortController().signal

const temporary = temporaryLog()
let world: ReceivingWorld
beforeEach(async () => {
  world = await openReceivingWorld(temporary.log)
})
afterEach(() => world.close())

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
  await temporary.log.removeTopic(world.topics.blocks.name)
  await temporary.log.createTopic(world.topics.blocks.name, { partitions: 6, replication: null })
  await world.put([{ key: record.key!, value, headers: record.headers }])
  world.receive({ seal })
  expect(await world.acknowledged(1)).toMatchObject([
    { outcome: 'again', reason: expect.stringContaining('to be sealed with our key, but it is not') as string },
  ])
})
