import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Clock, systemClock } from '../../src/datasources/clock.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { Log } from '../../src/datasources/log.ts'
import type { FileTransfer } from '../../src/files/files.ts'
import { createReceiver } from '../../src/files/receive/createReceiver.ts'
import { createSender } from '../../src/files/send/createSender.ts'
import { createTracker } from '../../src/files/track/tracker.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'

const BLOCK_BYTES = 1024 * 1024
const topics = fileTopics(`tracker-${randomUUID()}-`)
let folder: string
const logs: Log[] = []
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tracker-'))
  mkdirSync(join(folder, 'out'))
  writeFileSync(join(folder, 'out/a.bin'), Buffer.alloc(5 * BLOCK_BYTES + 1, 'a'))
})
afterAll(async () => {
  for (const { name } of Object.values(topics)) await logs[0]!.removeTopic(name)
  for (const log of logs) await log.close()
  rmSync(folder, { recursive: true })
})

/** Each machine has a connection of its own. */
function open(): Log {
  const log = kafkaLog(kafkaOptions(inject('cluster').env.MILLRACE_LOG_URL!))
  logs.push(log)
  return log
}

/** A machine whose clock is an hour behind. */
const late: Clock = { ...systemClock, nowMillis: () => Date.now() - 3_600_000 }

test('a transfer through Kafka is followed to its end, and machines are heard by the time of the brokers', async () => {
  const tracker = createTracker({ log: open(), topics, clock: systemClock, note: message => expect.fail(message) })
  const seen: FileTransfer[] = []
  const following = (async () => {
    for await (const transfer of tracker.watch('a.bin')) seen.push(transfer)
  })()
  const stop = new AbortController()
  const receiver = createReceiver({
    log: open(),
    topics,
    machine: 'machine1',
    groupId: randomUUID(),
    output: folder,
    seal: null,
    processor: null,
    clock: late,
  })
  const receiving = receiver.run(stop.signal)
  const sender = createSender({
    log: open(),
    folder: join(folder, 'out'),
    machine: 'producer1',
    topics,
    seal: null,
    settings: { blockBytes: BLOCK_BYTES, wait: true },
    clock: late,
  })
  const startedMillis = Date.now()
  await sender.run(stop.signal)
  await following
  expect(seen.at(-1)).toMatchObject({ state: 'COMPLETE', blocks: 6, sent: 6, acknowledged: 6, machines: ['machine1'] })
  const acknowledged = seen.map(transfer => transfer.acknowledged)
  expect(acknowledged).toEqual(acknowledged.toSorted((one, other) => one - other))
  expect(seen.at(-1)!.startedAt.getTime()).toBeGreaterThan(startedMillis - 5_000)

  await tracker.refresh()
  expect(tracker.unreadable()).toBe(0)
  const machines = tracker.machines().toSorted((one, other) => one.id.localeCompare(other.id))
  expect(machines).toMatchObject([
    { id: 'machine1', role: 'receiver', alive: true, blocksProcessed: 6, failures: 0 },
    { id: 'producer1', role: 'sender', state: 'STOPPED', alive: false, blocksProcessed: 6 },
  ])
  for (const { lastSeen } of machines) expect(Math.abs(Date.now() - lastSeen.getTime())).toBeLessThan(60_000)
  stop.abort()
  await receiving
})
