import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/datasources/clock.ts'
import type { Log, LogProducer } from '../../../src/datasources/log.ts'
import { sqliteLog } from '../../../src/datasources/sqliteLog.ts'
import { MillraceError } from '../../../src/errors.ts'
import type { FileTransfer } from '../../../src/files/files.ts'
import { createTracker, type Tracker } from '../../../src/files/track/tracker.ts'
import { type Acknowledgment, acknowledgmentRecord } from '../../../src/files/wire/acknowledgment.ts'
import { type MachineStatus, statusRecord } from '../../../src/files/wire/status.ts'
import { fileTopics } from '../../../src/files/wire/topics.ts'
import { acknowledgment, machineStatus, transferStatus } from '../records.ts'

const topics = fileTopics('test-')
let folder: string
let log: Log
let producer: LogProducer
let fetches: number
/** Of the follower. */
let pauses: { ended: number; underWay: number }
let notes: string[]
let tracker: Tracker
/** Replaces methods of the log. */
let changed: { partitions?: Log['partitions'] }
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tracker-'))
  log = sqliteLog({ file: join(folder, 'log.sqlite') })
  producer = log.producer()
  fetches = 0
  const ownPauses = { ended: 0, underWay: 0 }
  pauses = ownPauses
  notes = []
  changed = {}
  tracker = createTracker({
    log: {
      partitions: (...asked) => (changed.partitions ? changed.partitions(...asked) : log.partitions(...asked)),
      offsets: (...asked) => log.offsets(...asked),
      fetch(...asked) {
        fetches += 1
        return log.fetch(...asked)
      },
    },
    topics,
    clock: {
      ...systemClock,
      async pause(millis, signal) {
        ownPauses.underWay += 1
        await systemClock.pause(millis, signal)
        ownPauses.underWay -= 1
        ownPauses.ended += 1
      },
    },
    note: message => void notes.push(message),
  })
})
afterEach(async () => {
  await producer.close()
  await log.close()
  rmSync(folder, { recursive: true })
})

async function makeTopics(): Promise<void> {
  for (const { name, partitions } of [topics.acknowledgments, topics.status]) {
    await log.createTopic(name, { partitions, replication: 1 })
  }
}
const acknowledge = (...all: Partial<Acknowledgment>[]) =>
  producer.send(
    topics.acknowledgments.name,
    all.map(changes => acknowledgmentRecord(acknowledgment(changes))),
  )
const report = (status: MachineStatus) => producer.send(topics.status.name, [statusRecord(status)])
const all = () => tracker.transfers({ first: 100 })

test('topics that are not there have nothing, and what comes later is read', async () => {
  await tracker.refresh()
  expect(all()).toEqual([])
  expect(tracker.machines()).toEqual([])
  await makeTopics()
  await acknowledge({ block: 0 }, { block: 1 })
  await report(machineStatus({ transfers: [transferStatus({ sentBlocks: 3, sentBytes: 250, state: 'waiting' })] }))
  await tracker.refresh()
  expect(all()).toMatchObject([{ file: 'a.bin', sent: 3, acknowledged: 2, state: 'WAITING' }])
  expect(tracker.transfer('a.bin')).toMatchObject({ bytes: 250 })
  expect(tracker.transfer('b.bin')).toBeUndefined()
  expect(tracker.machines().map(({ id, alive }) => [id, alive])).toEqual(
    expect.arrayContaining([
      ['producer1', true],
      ['machine1', true],
    ]),
  )
})

test('each record is read once, and nothing is fetched where nothing came', async () => {
  await makeTopics()
  await acknowledge({ block: 0, outcome: 'again' })
  await tracker.refresh()
  expect(fetches).toBe(1)
  await tracker.refresh()
  expect(fetches).toBe(1)
  await acknowledge({ block: 0, outcome: 'again' })
  await Promise.all([tracker.refresh(), tracker.refresh(), tracker.refresh()])
  expect(fetches).toBe(2)
  expect(all()).toMatchObject([{ askedAgain: 2 }])
})

test('what others wrote before somebody asks is in the answer, although a reading is under way', async () => {
  await makeTopics()
  const first = tracker.refresh()
  await acknowledge({ block: 0 })
  await tracker.refresh()
  expect(all()).toMatchObject([{ acknowledged: 1 }])
  await first
})

test('records that are none of ours are counted, and the rest is read', async () => {
  await makeTopics()
  const value = Buffer.from(JSON.stringify({ ...acknowledgment(), version: 2 }))
  await producer.send(topics.acknowledgments.name, [{ key: Buffer.from('key'), value }])
  await producer.send(topics.status.name, [{ key: Buffer.from('key'), value: Buffer.from([0xff, 0x00]) }])
  await acknowledge({ block: 0 }, { block: 1, totalBlocks: 2 ** 40, file: 'huge', transferId: 'e'.repeat(32) })
  await report(machineStatus({ machine: 'liar', blocksProcessed: 2 ** 40 }))
  await report(machineStatus({ transfers: [transferStatus({ totalBlocks: 2 ** 40, transferId: 'd'.repeat(32) })] }))
  await tracker.refresh()
  expect(tracker.unreadable()).toBe(5)
  expect(tracker.machines().map(({ id }) => id)).not.toContain('liar')
  expect(all()).toMatchObject([{ acknowledged: 1 }])
})

test('a long past is read in pieces, between which others get their turn', async () => {
  await makeTopics()
  for (let block = 0; block < 20_000; block += 1_000) {
    await acknowledge(...Array.from({ length: 1_000 }, (_, index) => ({ block: block + index, totalBlocks: 30_000 })))
  }
  let turns = 0
  const others = setInterval(() => (turns += 1), 1)
  await tracker.refresh()
  clearInterval(others)
  expect(all()).toMatchObject([{ acknowledged: 20_000 }])
  expect(turns).toBeGreaterThan(3)
})

test('what the log has given up is passed over', async () => {
  await makeTopics()
  await acknowledge({ block: 0 }, { block: 1 })
  const partition = (await log.offsets(topics.acknowledgments.name, [0, 1, 2])).findIndex(({ end }) => end > 0)
  await log.trim(topics.acknowledgments.name, partition, 1)
  await acknowledge({ block: 2 })
  await tracker.refresh()
  expect(all()[0]!.acknowledged).toBeLessThan(3)
  expect(all()[0]!.acknowledged).toBeGreaterThan(0)
})

test('topics that were made anew begin anew', async () => {
  await makeTopics()
  await acknowledge({ block: 0 }, { block: 1 })
  await report(machineStatus())
  await tracker.refresh()
  await log.removeTopic(topics.acknowledgments.name)
  await makeTopics()
  await acknowledge({ block: 2, file: 'b.bin' })
  await tracker.refresh()
  expect(all()).toMatchObject([{ file: 'b.bin', acknowledged: 1 }])
  // Of the other topic nothing was lost.
  expect(tracker.machines().map(({ id }) => id)).toContain('producer1')
})

test('a log that does not answer is an error to who asks', async () => {
  changed.partitions = () => Promise.reject(new MillraceError('UNAVAILABLE', 'No broker answers.'))
  await expect(tracker.refresh()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

async function collect(watched: AsyncIterableIterator<FileTransfer>, into: FileTransfer[]): Promise<void> {
  for await (const transfer of watched) into.push(transfer)
}

test('who watches a file is told of it now and of each change, until it has ended', async () => {
  await makeTopics()
  await acknowledge({ block: 0 })
  const seen: FileTransfer[] = []
  const ended = collect(tracker.watch('a.bin'), seen)
  const counts = () => seen.map(({ acknowledged }) => acknowledged)
  await expect.poll(counts).toEqual([1])
  await acknowledge({ block: 1 }, { block: 0, file: 'b.bin', transferId: 'f'.repeat(32) })
  await expect.poll(counts).toEqual([1, 2])
  await acknowledge({ block: 2 })
  await ended
  expect(seen.map(({ file, state }) => `${file} ${state}`)).toEqual([
    'a.bin SENDING',
    'a.bin SENDING',
    'a.bin COMPLETE',
  ])
  // Of what has ended already there is that to say.
  const late: FileTransfer[] = []
  await collect(tracker.watch('a.bin'), late)
  expect(late).toMatchObject([{ state: 'COMPLETE', acknowledged: 3 }])
})

test('who watches all files is told of those under way, then of each change, until it leaves', async () => {
  await makeTopics()
  await acknowledge({ totalBlocks: 1, file: 'old.bin', transferId: 'e'.repeat(32) }, { block: 0 })
  const watched = tracker.watch(undefined)
  const next = async () => ((await watched.next()) as IteratorYieldResult<FileTransfer>).value
  expect(await next()).toMatchObject({ file: 'a.bin', acknowledged: 1 })
  await acknowledge({ totalBlocks: 1, file: 'new.bin', transferId: 'd'.repeat(32) })
  expect(await next()).toMatchObject({ file: 'new.bin', state: 'COMPLETE' })
  const waiting = watched.next()
  await watched.return?.()
  expect(await waiting).toMatchObject({ done: true })
  // The follower looks whether anybody is left after each pause.
  const before = pauses.ended
  await expect.poll(() => pauses.ended).toBeGreaterThan(before)
  expect(pauses.underWay).toBe(0)
})

test('a log that fails while somebody watches is noted once, and watching goes on when it is back', async () => {
  await makeTopics()
  let failures = 0
  changed.partitions = () => {
    failures += 1
    return Promise.reject(new MillraceError('UNAVAILABLE', 'No broker answers.'))
  }
  const seen: FileTransfer[] = []
  const ended = collect(tracker.watch('a.bin'), seen)
  await acknowledge({ totalBlocks: 1 })
  await expect.poll(() => failures, { timeout: 10_000 }).toBeGreaterThan(2)
  delete changed.partitions
  await ended
  expect(seen).toMatchObject([{ state: 'COMPLETE' }])
  expect(notes).toEqual(['the progress of files cannot be read'])
})
