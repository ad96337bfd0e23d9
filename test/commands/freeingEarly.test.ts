import { afterEach, beforeEach, expect, test } from 'vitest'
import { freeingEarly } from '../../src/commands/freeingEarly.ts'
import type { GroupEvent, Log, LogGroup, LogProducer } from '../../src/datasources/log.ts'
import { temporaryLog } from '../setup/temporaryLog.ts'

const MIB = 1024 * 1024
const RECORD_BYTES = MIB
const RECORDS = 200
/** Without, it is what V8 begins to collect the whole heap at: 64 MiB. */
const MOST_KEPT_BYTES = 40 * MIB

const temporary = temporaryLog()
let keptBytes: number[]
beforeEach(() => {
  keptBytes = []
})
afterEach(() => expect(Math.max(...keptBytes)).toBeLessThan(MOST_KEPT_BYTES))

const bytesOfBuffers = () => process.memoryUsage().arrayBuffers
const record = () => ({ key: Buffer.from('key'), value: Buffer.alloc(RECORD_BYTES, 1) })

test('records that were sent do not pile up in memory', async () => {
  const sent: number[] = []
  const send = (_topic: string, records: readonly { value: Uint8Array }[]) => {
    sent.push(...records.map(({ value }) => value.length))
    return Promise.resolve()
  }
  const log = freeingEarly({
    ...temporary.log,
    producer: () => ({ send, close: async () => {} }) satisfies LogProducer,
  })
  const producer = log.producer()
  const before = bytesOfBuffers()
  for (let count = 0; count < RECORDS; count += 1) {
    await producer.send('topic', [record()])
    keptBytes.push(bytesOfBuffers() - before)
  }
  expect(sent).toHaveLength(RECORDS)
})

test('nor do those that a group gave', async () => {
  const log = freeingEarly({ ...temporary.log, group: () => Promise.resolve(endlessGroup()) } satisfies Log)
  const group = await log.group('topic', { groupId: 'group' })
  const before = bytesOfBuffers()
  for (let count = 0; count < RECORDS; count += 1) {
    expect(await group.next({ maxBytes: MIB, waitMillis: 0 })).toMatchObject({ kind: 'records', nextOffset: count + 1 })
    keptBytes.push(bytesOfBuffers() - before)
  }
})

test('what is sent and read is the same as without', async () => {
  const log = freeingEarly(temporary.log)
  await log.createTopic('same', { partitions: 1, replication: null })
  const producer = log.producer()
  await producer.send('same', [{ key: Buffer.from('key'), value: Buffer.from('value') }])
  await producer.close()
  const group = await log.group('same', { groupId: 'group' })
  const events: (GroupEvent | null)[] = []
  for (let count = 0; count < 2; count += 1) events.push(await group.next({ maxBytes: MIB, waitMillis: 5_000 }))
  await group.leave()
  expect(events).toMatchObject([{ kind: 'assigned' }, { kind: 'records', records: [{ value: Buffer.from('value') }] }])
  keptBytes.push(0)
})

function endlessGroup(): LogGroup {
  let offset = 0
  return {
    next() {
      const { key, value } = record()
      const records = [{ offset, timestampMillis: 0, key, value, headers: [] }]
      offset += 1
      return Promise.resolve({ kind: 'records', partition: 0, records, nextOffset: offset })
    },
    commit: async () => {},
    leave: async () => {},
  }
}
