import { randomBytes } from 'node:crypto'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { Log } from '../../src/datasources/log.ts'
import type { SenderStep } from '../../src/files/send/sender.ts'
import { CHUNK_BYTES } from '../../src/files/wire/chunk.ts'
import { type FilesWorld, openFilesWorld, sha256Of } from '../setup/filesWorld.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'
import type { SenderPlan } from '../setup/senderProcess.ts'

const PROGRAM = join(import.meta.dirname, '../setup/senderProcess.ts')
const MIB = 1024 * 1024
const BLOCK_BYTES = 2 * MIB

let cluster: Cluster
let log: Log
let world: FilesWorld
const started: RunningProcess[] = []
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['kafka'], kafka: { brokers: 3 } })
  log = kafkaLog(kafkaOptions(cluster.env.MILLRACE_LOG_URL!))
})
beforeEach(async () => {
  world = await openFilesWorld(log)
})
afterEach(async () => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
  await world.close()
})
afterAll(async () => {
  await log?.close()
  await cluster?.destroy()
})

function start(changes: Partial<SenderPlan> = {}): RunningProcess {
  const plan: SenderPlan = {
    logUrl: cluster.env.MILLRACE_LOG_URL!,
    topicPrefix: world.topicPrefix,
    folder: world.folder,
    blockBytes: BLOCK_BYTES,
    ...changes,
  }
  const running = startProcess(process.execPath, [PROGRAM, JSON.stringify(plan)], { PATH: process.env.PATH })
  started.push(running)
  return running
}

/** What a sender that has ended well says of itself. */
async function ended(running: RunningProcess): Promise<{ sends: number; maxRssBytes: number }> {
  expect([await running.ended, running.output()]).toMatchObject([0, expect.any(String)])
  return JSON.parse(running.stdout().trimEnd().split('\n').at(-1)!) as { sends: number; maxRssBytes: number }
}

describe('a sender killed with -9', () => {
  const EDGES: [step: SenderStep, time: number][] = [
    ['topics made', 1],
    ['resumed', 1],
    ['chunk put', 2],
    ['chunk put', 8],
    ['block put', 1],
    ['block put', 3],
    ['file put', 1],
    ['all sent', 1],
  ]

  test.each(EDGES)(
    'at "%s" for the %i. time: the next one sends what is not acknowledged, and nothing else',
    async (step, time) => {
      const files = { 'a.bin': randomBytes(5 * MIB), 'b.bin': randomBytes(3 * MIB) }
      for (const [name, bytes] of Object.entries(files)) await world.write(name, bytes)
      const killed = start({ crash: { step, time } })
      await killed.ended
      expect(killed.child.signalCode).toBe('SIGKILL')

      const first = await world.attempts()
      const acknowledged = first.filter((_, index) => index % 2 === 0)
      for (const attempt of acknowledged) await world.acknowledge(attempt, 'processed')
      expect(await ended(start())).toMatchObject({ sends: 5 - acknowledged.length })

      const all = await world.attempts()
      expect(all).toHaveLength(first.length + 5 - acknowledged.length)
      for (const [name, bytes] of Object.entries(files)) {
        const blocks = new Map(all.flatMap(({ chunk, bytes }) => (chunk.file === name ? [[chunk.block, bytes]] : [])))
        const joined = Buffer.concat(
          [...blocks.keys()].sort((one, other) => one - other).map(block => blocks.get(block)!),
        )
        expect(joined.equals(bytes)).toBe(true)
        expect(all.some(({ chunk }) => chunk.fileSha256 === sha256Of(bytes))).toBe(true)
      }
    },
  )
})

describe('a broker of three that is killed', () => {
  test('and restarted while a file is sent, costs no byte', { timeout: 240_000 }, async () => {
    const bytes = randomBytes(60 * MIB)
    await world.write('data', bytes)
    const sender = start()
    await sender.shows('block put')
    await cluster.kill('kafka-2')
    await cluster.restart('kafka-2')
    expect(await ended(sender)).toMatchObject({ sends: 30 })
    const all = await world.attempts()
    const blocks = new Map(all.map(({ chunk, bytes }) => [chunk.block, bytes]))
    expect(blocks.size).toBe(30)
    for (const [block, some] of blocks) {
      expect(some.equals(bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))).toBe(true)
    }
  })

  test('keeps nobody from sending meanwhile', { timeout: 240_000 }, async () => {
    await world.write('data', randomBytes(8 * MIB))
    await cluster.kill('kafka-3')
    try {
      expect(await ended(start())).toMatchObject({ sends: 4 })
      expect(await world.attempts()).toHaveLength(4)
    } finally {
      await cluster.restart('kafka-3')
    }
  })
})

test('topics are made with a copy on each of three brokers', async () => {
  await world.write('data', 'some')
  await world.sender().run(new AbortController().signal)
  const { brokers } = kafkaOptions(cluster.env.MILLRACE_LOG_URL!)
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...brokers] })
  try {
    for (const { name, partitions } of Object.values(world.topics)) {
      // One by one: asked for several, the library mixes their answers up.
      const { topics } = await admin.metadata({ topics: [name] })
      const copies = topics.get(name)!.partitions.map(({ replicas }) => replicas.length)
      expect(copies).toEqual(Array(partitions).fill(3))
    }
  } finally {
    await admin.close()
  }
})

test('a chunk with the longest name fits into a record', async () => {
  const folder = Array.from({ length: 14 }, () => 'ü'.repeat(127)).join('/')
  await world.write(`${folder}/${'n'.repeat(255)}`, randomBytes(CHUNK_BYTES + 1))
  const { files, leftOut } = await world.sender().run(new AbortController().signal)
  expect([files.length, leftOut]).toEqual([1, []])
  const [largest] = (await world.chunks()).map(({ record }) => record)
  const headerBytes = largest!.headers.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0)
  // The default of message.max.bytes, and what a batch of one record takes beside it.
  expect(largest!.value!.length + headerBytes + 200).toBeLessThan(1_048_588)
})

test('memory stays flat whatever the length of the file', { timeout: 240_000 }, async () => {
  await world.write('large', '')
  await truncate(join(world.folder, 'large'), 500 * MIB)
  const { sends, maxRssBytes } = await ended(start({ blockBytes: 128 * MIB }))
  expect(sends).toBe(4)
  expect(maxRssBytes).toBeLessThan(250 * MIB)
})
