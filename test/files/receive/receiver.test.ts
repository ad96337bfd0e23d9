import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Log } from '../../../src/datasources/log.ts'
import { sqliteLog } from '../../../src/datasources/sqliteLog.ts'
import { openReceivingWorld, type ReceivingWorld } from '../../setup/receivingWorld.ts'

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
  expect(receiver.state()).toMatchObject({ processedBlocks: 8, failedBlocks: 0, askedAgain: 0, trouble: null })
})
