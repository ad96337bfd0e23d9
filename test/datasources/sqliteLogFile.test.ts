import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Log, LogRecord, OutgoingRecord } from '../../src/datasources/log.ts'
import { type SqliteLogOptions, sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { readTo, text, textOf } from '../contract/log.ts'

const SENDER = join(import.meta.dirname, '..', 'setup', 'logSender.ts')
const MIB = 1024 * 1024
const HOUR_MILLIS = 3_600_000

let folder: string
let files = 0
const logs: Log[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-log-'))
})
afterEach(async () => {
  await Promise.all(logs.splice(0).map(log => log.close()))
})
afterAll(() => rm(folder, { recursive: true }))

const newFile = () => join(folder, `log-${files++}.sqlite`)

function open(options: Partial<SqliteLogOptions> = {}): Log {
  const log = sqliteLog({ file: newFile(), ...options })
  logs.push(log)
  return log
}

const valuesOf = (records: readonly LogRecord[]) => records.map(({ value }) => textOf(value))

test('what was sent is there after closing and opening again', async () => {
  const file = newFile()
  const before = open({ file })
  await before.createTopic('t', { partitions: 2, replication: 1 })
  await before.producer().send('t', [{ ...text('k', 'v'), partition: 1 }])
  await before.close()
  const after = open({ file })
  expect(await after.offsets('t', [0, 1])).toEqual([
    { begin: 0, end: 0 },
    { begin: 0, end: 1 },
  ])
  expect(valuesOf(await readTo(after, 't', 1))).toEqual(['v'])
})

test('several processes send at the same time: nothing is lost, and each keeps its order', async () => {
  const file = newFile()
  const log = open({ file })
  await log.createTopic('t', { partitions: 1, replication: 1 })
  const names = ['a', 'b', 'c']
  const reading = (async () => {
    const values: (string | null)[] = []
    for (let offset = 0; values.length < 150; ) {
      const fetched = await log.fetch('t', 0, { offset, maxBytes: MIB, waitMillis: 10_000 })
      values.push(...valuesOf(fetched.records))
      offset = fetched.nextOffset
    }
    return values
  })()
  await Promise.all(names.map(name => promisify(execFile)(process.execPath, [SENDER, file, 't', name, '50'])))
  const values = await reading
  for (const name of names) {
    expect(values.filter(value => value!.startsWith(name))).toEqual(
      Array.from({ length: 50 }, (_, index) => `${name}:${index}`),
    )
  }
})

test('a waiting fetch sees within a moment what another opener of the file sends', async () => {
  const file = newFile()
  const reader = open({ file })
  await reader.createTopic('t', { partitions: 1, replication: 1 })
  const waiting = reader.fetch('t', 0, { offset: 0, maxBytes: MIB, waitMillis: 30_000 })
  const startedAt = performance.now()
  await open({ file })
    .producer()
    .send('t', [text('k', 'from outside')])
  expect(valuesOf((await waiting).records)).toEqual(['from outside'])
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})

describe('while another process holds the lock', () => {
  async function lockedLog(lockDeadlineMillis: number) {
    const file = newFile()
    const log = open({ file, lockDeadlineMillis })
    await log.createTopic('t', { partitions: 1, replication: 1 })
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    return { log, other }
  }

  test('a send waits for it without stopping the process, and what is there can be read', async () => {
    const { log, other } = await lockedLog(20_000)
    const sending = log.producer().send('t', [text('k', 'v')])
    expect(await log.offsets('t', [0])).toEqual([{ begin: 0, end: 0 }])
    other.exec('COMMIT')
    await sending
    expect(await log.offsets('t', [0])).toEqual([{ begin: 0, end: 1 }])
    other.close()
  })

  test('a send is UNAVAILABLE at its deadline, and ends with its signal', async () => {
    const { log, other } = await lockedLog(300)
    const unavailable = { code: 'UNAVAILABLE', message: expect.stringContaining('locked') as string }
    await expect(log.producer().send('t', [text('k', 'v')])).rejects.toMatchObject(unavailable)
    const stop = new AbortController()
    const sending = log.producer().send('t', [text('k', 'v')], { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(sending).rejects.toThrow('enough')
    other.close()
  })
})

test('records older than is kept are given up as more are sent', async () => {
  let now = 0
  const log = open({ keepMillis: 10 * HOUR_MILLIS, clock: () => now })
  await log.createTopic('t', { partitions: 1, replication: 1 })
  const producer = log.producer()
  for (let hour = 0; hour < 20; hour += 1) {
    now = hour * HOUR_MILLIS
    await producer.send('t', [text('k', String(hour))])
  }
  expect(await log.offsets('t', [0])).toEqual([{ begin: 9, end: 20 }])
  const kept = Array.from({ length: 11 }, (_, index) => String(9 + index))
  expect(valuesOf(await readTo(log, 't', 0, 9))).toEqual(kept)
})

test('a file that is none of SQLite is DATA_LOST, a folder that cannot be made or written UNAVAILABLE or FORBIDDEN', async () => {
  const file = newFile()
  await writeFile(file, 'this is not a database, but long enough to be looked at as if it were one'.repeat(20))
  await expect(open({ file }).ping()).rejects.toMatchObject({
    code: 'DATA_LOST',
    message: expect.stringContaining(file) as string,
  })
  const inTheWay = newFile()
  await writeFile(inTheWay, '')
  await expect(open({ file: join(inTheWay, 'log.sqlite') }).ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(open({ file: '/sys/kernel/millrace/log.sqlite' }).ping()).rejects.toMatchObject({ code: 'FORBIDDEN' })
})

test('is used again as soon as what was in the way is gone', async () => {
  const file = newFile()
  await writeFile(file, 'no database'.repeat(100))
  await chmod(file, 0o600)
  const log = open({ file })
  await expect(log.ping()).rejects.toMatchObject({ code: 'DATA_LOST' })
  await rm(file)
  expect(await log.ping()).toBe('0 topics')
})

test('any records in any sends are read back from any offset, in any pieces', async () => {
  const log = open()
  let topics = 0
  const record = fc.record({
    key: fc.uint8Array({ maxLength: 10 }),
    value: fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.nat(200_000).map(length => new Uint8Array(length).fill(7)),
    ),
    headers: fc.array(fc.record({ name: fc.string({ maxLength: 10 }), value: fc.uint8Array({ maxLength: 20 }) }), {
      maxLength: 3,
    }),
  })
  const sends = fc.array(fc.array(record, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(sends, fc.nat(), fc.integer({ min: 1, max: 300_000 }), async (batches, start, maxBytes) => {
      const topic = `t-${topics++}`
      await log.createTopic(topic, { partitions: 1, replication: 1 })
      const producer = log.producer()
      for (const batch of batches) await producer.send(topic, batch)
      const sent = batches.flat()
      const read: LogRecord[] = []
      for (let offset = start % (sent.length + 1); offset < sent.length; ) {
        const fetched = await log.fetch(topic, 0, { offset, maxBytes, waitMillis: 0 })
        expect(fetched.records[0]!.offset).toBe(offset)
        read.push(...fetched.records)
        offset = fetched.nextOffset
      }
      expect(read.map(contentOf)).toEqual(sent.slice(start % (sent.length + 1)).map(contentOf))
    }),
    { numRuns: 60 },
  )
})

function contentOf({ key, value, headers = [] }: OutgoingRecord | LogRecord): string {
  const hex = (bytes: Uint8Array | null) => Buffer.from(bytes!).toString('base64')
  return JSON.stringify([hex(key), hex(value), headers.map(header => [header.name, hex(header.value)])])
}
