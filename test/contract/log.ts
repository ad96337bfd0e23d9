import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Log, LogProducer, LogRecord, OutgoingRecord } from '../../src/datasources/log.ts'

const MIB = 1024 * 1024

/** What every keeper of the log port must do. `open` gives a log that others may use at the same time; each test has topics of its own. */
export function testLog(name: string, open: () => Promise<Log>): void {
  describe(name, () => {
    let log: Log
    let producer: LogProducer
    const topics: string[] = []

    beforeAll(async () => {
      log = await open()
      producer = log.producer()
    })
    afterAll(async () => {
      await producer.close()
      for (const topic of topics) await log.removeTopic(topic)
      await log.close()
    })

    async function newTopic(partitions = 1): Promise<string> {
      const topic = `contract-${randomUUID()}`
      topics.push(topic)
      await log.createTopic(topic, { partitions, replication: 1 })
      return topic
    }
    const readAll = (topic: string, partition = 0, offset = 0) => readTo(log, topic, partition, offset)
    const end = async (topic: string, partition = 0) => (await log.offsets(topic, [partition]))[0]!.end

    describe('topics', () => {
      test('has as many partitions as were asked, all empty', async () => {
        const topic = await newTopic(4)
        expect(await log.partitions(topic)).toBe(4)
        expect(await log.offsets(topic, [0, 1, 2, 3])).toEqual(Array(4).fill({ begin: 0, end: 0 }))
      })

      test('creating one that is there changes nothing, and says CONFLICT for another number of partitions', async () => {
        const topic = await newTopic(2)
        await producer.send(topic, [text('a', 'kept')])
        await log.createTopic(topic, { partitions: 2, replication: 1 })
        const records = [...(await readAll(topic, 0)), ...(await readAll(topic, 1))]
        expect(records.map(({ value }) => textOf(value))).toEqual(['kept'])
        await expect(log.createTopic(topic, { partitions: 3, replication: 1 })).rejects.toMatchObject({
          code: 'CONFLICT',
          message: expect.stringContaining('3 partitions, but it exists with 2') as string,
        })
      })

      test('makes a topic also where it may choose how many copies to keep', async () => {
        const topic = `contract-${randomUUID()}`
        topics.push(topic)
        await log.createTopic(topic, { partitions: 2, replication: null })
        await producer.send(topic, [{ ...text('a', 'kept'), partition: 1 }])
        expect((await readAll(topic, 1)).map(({ value }) => textOf(value))).toEqual(['kept'])
      })

      test('a topic that was removed is gone, and made anew it is empty', async () => {
        const topic = await newTopic()
        await producer.send(topic, [text('a', 'old'), text('b', 'old')])
        await log.removeTopic(topic)
        await expect(log.partitions(topic)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await log.removeTopic(topic)
        await log.createTopic(topic, { partitions: 2, replication: 1 })
        expect(await log.offsets(topic, [0, 1])).toEqual(Array(2).fill({ begin: 0, end: 0 }))
        await producer.send(topic, [{ ...text('a', 'new'), partition: 1 }])
        expect((await readAll(topic, 1)).map(({ value }) => textOf(value))).toEqual(['new'])
      })

      test('says NOT_FOUND for a topic or partition that is not there, whatever is asked', async () => {
        const topic = await newTopic(2)
        const from = { offset: 0, maxBytes: MIB, waitMillis: 0 }
        const missing = 'no-such-topic'
        const notFound = { code: 'NOT_FOUND' }
        await expect(log.partitions(missing)).rejects.toMatchObject(notFound)
        await expect(log.offsets(missing, [0])).rejects.toMatchObject(notFound)
        await expect(log.fetch(missing, 0, from)).rejects.toMatchObject(notFound)
        await expect(log.trim(missing, 0, 0)).rejects.toMatchObject(notFound)
        await expect(producer.send(missing, [text('a', 'b')])).rejects.toMatchObject(notFound)
        await expect(log.offsets(topic, [0, 2])).rejects.toMatchObject(notFound)
        await expect(log.fetch(topic, 2, from)).rejects.toMatchObject(notFound)
        await expect(log.trim(topic, 2, 0)).rejects.toMatchObject(notFound)
        await expect(producer.send(topic, [{ ...text('a', 'b'), partition: 2 }])).rejects.toMatchObject(notFound)
        await expect(log.fetch(topic, 2, from)).rejects.toThrow('from 0 to 1, got 2')
        expect(await end(topic, 0)).toBe(0)
      })

      test.each(['', 'with blank', '..', 'slash/ed', 'ü', 'x'.repeat(250)])('refuses the name %j', async wrong => {
        const refused = { code: 'BAD_USER_INPUT' }
        await expect(log.createTopic(wrong, { partitions: 1, replication: 1 })).rejects.toMatchObject(refused)
        await expect(log.partitions(wrong)).rejects.toMatchObject(refused)
        await expect(producer.send(wrong, [text('a', 'b')])).rejects.toMatchObject(refused)
      })

      test('refuses a topic of no partitions', async () => {
        for (const layout of [
          { partitions: 0, replication: 1 },
          { partitions: 1, replication: 0 },
          { partitions: 1.5, replication: 1 },
        ]) {
          await expect(log.createTopic('contract-wrong', layout)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        }
      })
    })

    describe('records', () => {
      test('come back as they were sent, with offsets, times and headers', async () => {
        const topic = await newTopic()
        const startedAt = Date.now()
        const sent: OutgoingRecord[] = [
          { key: bytes('key'), value: bytes('value'), headers: [{ name: 'one', value: bytes('1') }] },
          { key: new Uint8Array([0, 255, 128]), value: new Uint8Array(0) },
          { key: new Uint8Array(0), value: bytes('日本 🚀') },
          {
            key: bytes('k'),
            value: bytes('v'),
            headers: [
              { name: 'same', value: bytes('first') },
              { name: 'same', value: new Uint8Array([0, 1, 254, 255]) },
              { name: 'naïve', value: new Uint8Array(0) },
            ],
          },
        ]
        await producer.send(topic, sent)
        const records = await readAll(topic)
        expect(records.map(plain)).toEqual(
          sent.map(({ key, value, headers = [] }, offset) =>
            plain({ offset, timestampMillis: 0, key, value, headers }),
          ),
        )
        for (const { timestampMillis } of records) {
          expect(timestampMillis).toBeGreaterThanOrEqual(startedAt - 5_000)
          expect(timestampMillis).toBeLessThanOrEqual(Date.now() + 5_000)
        }
      })

      test('keep the order in which they were sent, over many sends', async () => {
        const topic = await newTopic()
        const values = Array.from({ length: 2_000 }, (_, index) => String(index))
        for (let start = 0; start < values.length; start += 100) {
          await producer.send(
            topic,
            values.slice(start, start + 100).map(value => text('k', value)),
          )
        }
        const records = await readAll(topic)
        expect(records.map(({ value }) => textOf(value))).toEqual(values)
        expect(records.map(({ offset }) => offset)).toEqual(values.map(Number))
      })

      test('go to the partition of their key as the Java client has it, or to the one named', async () => {
        const topic = await newTopic(4)
        const stations = 'ABCDEFGHIJ'.split('').map(letter => `Station${letter}`)
        await producer.send(topic, [
          ...stations.map(station => text(station, station)),
          { ...text('StationA', 'named'), partition: 3 },
        ])
        const places = await Promise.all(
          [0, 1, 2, 3].map(async partition => (await readAll(topic, partition)).map(({ value }) => textOf(value))),
        )
        expect(places).toEqual(JAVA_PLACES)
      })

      test('a send of nothing is done at once', async () => {
        await producer.send(await newTopic(), [])
      })

      test('takes records of a MiB with headers, and says BAD_USER_INPUT for one that is too large', async () => {
        const topic = await newTopic()
        const chunk = { key: bytes('block'), value: new Uint8Array(MIB).fill(7) }
        await producer.send(topic, [{ ...chunk, headers: [{ name: 'digest', value: new Uint8Array(32) }] }])
        const [record] = await readAll(topic)
        expect(Buffer.from(record!.value!).equals(chunk.value)).toBe(true)
        const large = { key: bytes('block'), value: new Uint8Array(20 * MIB) }
        await expect(producer.send(topic, [large])).rejects.toMatchObject({
          code: 'BAD_USER_INPUT',
          message: expect.stringContaining(topic) as string,
        })
        await producer.send(topic, [text('k', 'after it')])
        expect((await readAll(topic, 0, 1)).map(({ value }) => textOf(value))).toEqual(['after it'])
      })

      test('are sent no more by a producer that was closed', async () => {
        const topic = await newTopic()
        const other = log.producer()
        await other.send(topic, [text('k', 'v')])
        await other.close()
        await expect(other.send(topic, [text('k', 'v')])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        expect(await end(topic)).toBe(1)
      })

      test('of two producers are all there', async () => {
        const topic = await newTopic()
        const other = log.producer()
        await Promise.all(
          [producer, other].map(async (one, index) => {
            for (let count = 0; count < 20; count += 1) await one.send(topic, [text('k', `${index}:${count}`)])
          }),
        )
        await other.close()
        const values = (await readAll(topic)).map(({ value }) => textOf(value))
        expect(values).toHaveLength(40)
        for (const index of [0, 1]) {
          const own = values.filter(value => value!.startsWith(`${index}:`))
          expect(own).toEqual(Array.from({ length: 20 }, (_, count) => `${index}:${count}`))
        }
      })
    })

    describe('fetching', () => {
      test('begins exactly at the offset asked, also in the middle of what was sent together', async () => {
        const topic = await newTopic()
        await producer.send(
          topic,
          Array.from({ length: 50 }, (_, index) => text('k', String(index))),
        )
        for (const offset of [0, 1, 25, 49]) {
          const { records, nextOffset, endOffset } = await log.fetch(topic, 0, {
            offset,
            maxBytes: MIB,
            waitMillis: 5_000,
          })
          expect(records[0]!.offset).toBe(offset)
          expect(nextOffset).toBe(records.at(-1)!.offset + 1)
          expect(endOffset).toBe(50)
        }
      })

      test('gives about as many bytes as asked, but at least one record', async () => {
        const topic = await newTopic()
        for (let index = 0; index < 8; index += 1) {
          await producer.send(topic, [{ key: bytes('k'), value: new Uint8Array(100_000).fill(index) }])
        }
        const some = await log.fetch(topic, 0, { offset: 0, maxBytes: 350_000, waitMillis: 5_000 })
        expect(some.records.length).toBeGreaterThanOrEqual(2)
        expect(some.records.length).toBeLessThanOrEqual(4)
        const one = await log.fetch(topic, 0, { offset: 3, maxBytes: 10, waitMillis: 5_000 })
        expect(one.records.map(({ offset }) => offset)).toEqual([3])
      })

      test('at the end gives nothing after the wait, and says where to go on', async () => {
        const topic = await newTopic()
        await producer.send(topic, [text('k', 'v')])
        const startedAt = performance.now()
        const fetched = await log.fetch(topic, 0, { offset: 1, maxBytes: MIB, waitMillis: 300 })
        expect(fetched).toEqual({ records: [], nextOffset: 1, endOffset: 1 })
        expect(performance.now() - startedAt).toBeGreaterThan(250)
      })

      test('a waiting fetch gets what is sent meanwhile, long before its wait is over', async () => {
        const topic = await newTopic()
        const waiting = log.fetch(topic, 0, { offset: 0, maxBytes: MIB, waitMillis: 20_000 })
        const startedAt = performance.now()
        await producer.send(topic, [text('k', 'now')])
        expect((await waiting).records.map(({ value }) => textOf(value))).toEqual(['now'])
        expect(performance.now() - startedAt).toBeLessThan(5_000)
      })

      test('a wait does not hold up other fetches, sends and questions', async () => {
        const topic = await newTopic(2)
        const stop = new AbortController()
        const waiting = log.fetch(topic, 0, { offset: 0, maxBytes: MIB, waitMillis: 60_000 }, { signal: stop.signal })
        const startedAt = performance.now()
        await producer.send(topic, [{ ...text('k', 'v'), partition: 1 }])
        expect(await readAll(topic, 1)).toHaveLength(1)
        expect(await end(topic, 1)).toBe(1)
        expect(performance.now() - startedAt).toBeLessThan(10_000)
        stop.abort()
        await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
      })

      test('a signal ends the wait at once, with its reason', async () => {
        const topic = await newTopic()
        const stop = new AbortController()
        const reason = new Error('enough')
        const waiting = log.fetch(topic, 0, { offset: 0, maxBytes: MIB, waitMillis: 60_000 }, { signal: stop.signal })
        stop.abort(reason)
        await expect(waiting).rejects.toBe(reason)
        await expect(log.offsets(topic, [0], { signal: stop.signal })).rejects.toBe(reason)
        await expect(producer.send(topic, [text('k', 'v')], { signal: stop.signal })).rejects.toBe(reason)
      })

      test('says DATA_LOST before the beginning, naming it, and BAD_USER_INPUT beyond the end', async () => {
        const topic = await newTopic()
        await producer.send(
          topic,
          Array.from({ length: 10 }, (_, index) => text('k', String(index))),
        )
        await log.trim(topic, 0, 4)
        expect(await log.offsets(topic, [0])).toEqual([{ begin: 4, end: 10 }])
        const at = (offset: number) => log.fetch(topic, 0, { offset, maxBytes: MIB, waitMillis: 1_000 })
        await expect(at(3)).rejects.toMatchObject({
          code: 'DATA_LOST',
          message: expect.stringContaining('from offset 4 only') as string,
        })
        expect((await at(4)).records.map(({ offset }) => offset)).toEqual([4, 5, 6, 7, 8, 9])
        expect((await at(10)).records).toEqual([])
        await expect(at(11)).rejects.toMatchObject({
          code: 'BAD_USER_INPUT',
          message: expect.stringContaining('its end 10, got 11') as string,
        })
      })

      test('trimming never goes back, and to the end leaves an empty partition whose offsets go on', async () => {
        const topic = await newTopic()
        await producer.send(topic, [text('k', '0'), text('k', '1'), text('k', '2')])
        await log.trim(topic, 0, 2)
        await log.trim(topic, 0, 1)
        expect(await log.offsets(topic, [0])).toEqual([{ begin: 2, end: 3 }])
        await expect(log.trim(topic, 0, 4)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        await log.trim(topic, 0, 3)
        expect(await log.offsets(topic, [0])).toEqual([{ begin: 3, end: 3 }])
        await producer.send(topic, [text('k', '3')])
        expect((await readAll(topic, 0, 3)).map(({ offset }) => offset)).toEqual([3])
      })

      test('many partitions at a time, from many readers', async () => {
        const topic = await newTopic(4)
        const records = Array.from({ length: 400 }, (_, index) => ({
          ...text('k', String(index)),
          partition: index % 4,
        }))
        await producer.send(topic, records)
        const read = await Promise.all([0, 1, 2, 3].map(partition => readAll(topic, partition)))
        for (const [partition, own] of read.entries()) {
          expect(own.map(({ value }) => Number(textOf(value)))).toEqual(
            Array.from({ length: 100 }, (_, index) => index * 4 + partition),
          )
        }
      })
    })

    test('answers a ping', async () => {
      expect(await log.ping()).not.toBe('')
    })

    test('its URL has no credentials, and fits its kind', () => {
      expect(log.url).toMatch(new RegExp(`^${log.kind}:[^@]+$`))
    })

    test('closing ends a fetch that waits, and what comes later is refused', async () => {
      const topic = await newTopic()
      const other = await open()
      const waiting = other.fetch(topic, 0, { offset: 0, maxBytes: MIB, waitMillis: 60_000 })
      await other.offsets(topic, [0])
      const ended = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await other.close()
      await ended
      await expect(other.partitions(topic)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await other.close()
    })
  })
}

/** Where Kafka's Java client puts StationA to StationJ in four partitions, and a record for which 3 was named. */
const JAVA_PLACES = [
  ['StationB', 'StationD', 'StationF'],
  ['StationJ'],
  ['StationC', 'StationE'],
  ['StationA', 'StationG', 'StationH', 'StationI', 'named'],
]

/** Everything of one partition from `offset` to its end. */
export async function readTo(log: Log, topic: string, partition: number, offset = 0): Promise<LogRecord[]> {
  const { end } = (await log.offsets(topic, [partition]))[0]!
  const records: LogRecord[] = []
  let next = offset
  while (next < end) {
    const fetched = await log.fetch(topic, partition, { offset: next, maxBytes: MIB, waitMillis: 5_000 })
    records.push(...fetched.records)
    next = fetched.nextOffset
  }
  return records
}

export function text(key: string, value: string): OutgoingRecord {
  return { key: bytes(key), value: bytes(value) }
}

export function textOf(value: Uint8Array | null): string | null {
  return value && Buffer.from(value).toString()
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value)
}

function plain({ offset, key, value, headers }: LogRecord) {
  const hex = (part: Uint8Array | null) => part && Buffer.from(part).toString('hex')
  return {
    offset,
    key: hex(key),
    value: hex(value),
    headers: headers.map(header => `${header.name}=${hex(header.value)}`),
  }
}
