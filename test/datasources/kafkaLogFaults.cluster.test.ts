import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { type KafkaLogOptions, kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { Log } from '../../src/datasources/log.ts'
import { hasCode } from '../../src/errors.ts'
import { readTo, text, textOf } from '../contract/log.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

const MIB = 1024 * 1024

const logs: Log[] = []
afterEach(async () => {
  await Promise.all(logs.splice(0).map(log => log.close()))
})

function openLog(cluster: Cluster, changes: Partial<KafkaLogOptions> = {}): Log {
  const log = kafkaLog({ ...kafkaOptions(cluster.env.MILLRACE_LOG_URL!), ...changes })
  logs.push(log)
  return log
}

/** Sends 0, 1, 2, ... one send after the other until `enough()`; a send that fails is repeated until it succeeds. How many were acknowledged. */
async function sendUntil(log: Log, topic: string, enough: () => boolean): Promise<number> {
  const producer = log.producer()
  let count = 0
  while (!enough()) {
    try {
      await producer.send(topic, [text('k', String(count)), text('k', String(count + 1))])
      count += 2
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
    }
  }
  await producer.close()
  return count
}

/** Reads from the beginning until `enough(read)`; a fetch that fails is repeated, for a broker may take long to come back. */
async function readUntil(log: Log, topic: string, enough: (read: number) => boolean): Promise<number[]> {
  const values: number[] = []
  let offset = 0
  while (!enough(values.length)) {
    try {
      const { records, nextOffset } = await log.fetch(topic, 0, { offset, maxBytes: MIB, waitMillis: 1_000 })
      values.push(...records.map(({ value }) => Number(textOf(value))))
      offset = nextOffset
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
    }
  }
  return values
}

/** Without what a repeated send brought again. */
function firstTimes(values: readonly number[]): number[] {
  let last = -1
  return values.filter(value => {
    if (value <= last) return false
    last = value
    return true
  })
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('one broker', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startOwnCluster({ services: ['kafka'] })
  })
  afterAll(() => cluster?.destroy())

  test('killed in the middle of sends and fetches, and started again: nothing is lost, the order is kept', async () => {
    const log = openLog(cluster)
    const topic = 'killed'
    await log.createTopic(topic, { partitions: 1, replication: 1 })
    let back = false
    let sent = 0
    const sending = sendUntil(log, topic, () => back).then(count => {
      sent = count
      return count
    })
    const reading = readUntil(log, topic, read => sent > 0 && read >= sent)
    for (let round = 0; round < 3; round += 1) {
      await readUntil(openLog(cluster), topic, read => read >= 20 * (round + 1))
      await cluster.kill('kafka-1')
      await cluster.restart('kafka-1')
    }
    back = true
    await sending
    expect(sent).toBeGreaterThanOrEqual(60)
    expect(firstTimes(await reading)).toEqual(upTo(sent))
    expect(firstTimes((await readTo(log, topic, 0)).map(({ value }) => Number(textOf(value))))).toEqual(upTo(sent))
  })

  test('that hangs is UNAVAILABLE within the deadline, for every call, and used again when it goes on', async () => {
    const log = openLog(cluster, { deadlineMillis: 3_000, sendDeadlineMillis: 3_000 })
    const topic = 'hung'
    await log.createTopic(topic, { partitions: 1, replication: 1 })
    const producer = log.producer()
    await producer.send(topic, [text('k', '0')])
    await cluster.hang('kafka-1')
    try {
      const unavailable = { code: 'UNAVAILABLE', hint: expect.stringContaining('brokers run') as string }
      const startedAt = performance.now()
      await Promise.all([
        expect(log.partitions(topic)).rejects.toMatchObject(unavailable),
        expect(log.offsets(topic, [0])).rejects.toMatchObject(unavailable),
        expect(log.fetch(topic, 0, { offset: 0, maxBytes: MIB, waitMillis: 500 })).rejects.toMatchObject(unavailable),
        expect(log.trim(topic, 0, 1)).rejects.toMatchObject(unavailable),
        expect(log.createTopic('other', { partitions: 1, replication: 1 })).rejects.toMatchObject(unavailable),
        expect(log.ping()).rejects.toMatchObject(unavailable),
        expect(producer.send(topic, [text('k', '1')])).rejects.toMatchObject(unavailable),
      ])
      expect(performance.now() - startedAt).toBeLessThan(10_000)
    } finally {
      await cluster.resume('kafka-1')
    }
    await producer.send(topic, [text('k', '1'), text('k', '2')])
    const values = (await readTo(log, topic, 0)).map(({ value }) => Number(textOf(value)))
    expect(firstTimes(values)).toEqual([0, 1, 2])
  })

  test('a log is closed soon while a broker hangs', async () => {
    const log = openLog(cluster)
    const producer = log.producer()
    await log.createTopic('closing', { partitions: 1, replication: 1 })
    await producer.send('closing', [text('k', '0')])
    await cluster.hang('kafka-1')
    try {
      const sending = expect(producer.send('closing', [text('k', '1')])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      const startedAt = performance.now()
      await log.close()
      await sending
      expect(performance.now() - startedAt).toBeLessThan(5_000)
    } finally {
      await cluster.resume('kafka-1')
    }
  })

  test('killed and started again under a group: its members go on, and what was committed stays committed', async () => {
    const log = openLog(cluster)
    const topic = 'grouped'
    await log.createTopic(topic, { partitions: 2, replication: 1 })
    const group = await log.group(topic, { groupId: 'grouped', sessionTimeoutMillis: 3_000 })
    const producer = log.producer()
    const seen = new Map<number, number[]>([
      [0, []],
      [1, []],
    ])
    const goOn = async (count: number) => {
      while ([...seen.values()].some(values => firstTimes(values).length < count)) {
        try {
          const event = await group.next({ maxBytes: MIB, waitMillis: 1_000 })
          if (event?.kind !== 'records') continue
          const { partition, records, nextOffset } = event
          seen.get(partition)!.push(...records.map(({ value }) => Number(textOf(value))))
          await group.commit([{ partition, offset: nextOffset }])
        } catch (error) {
          if (!hasCode(error, 'UNAVAILABLE', 'CONFLICT')) throw error
        }
      }
    }
    for (let round = 0; round < 3; round += 1) {
      const values = upTo(10).map(index => String(round * 10 + index))
      await producer.send(
        topic,
        values.flatMap(value => [0, 1].map(partition => ({ ...text('k', value), partition }))),
      )
      await goOn(values.length * (round + 1))
      await cluster.kill('kafka-1')
      await cluster.restart('kafka-1')
    }
    for (const values of seen.values()) expect(firstTimes(values)).toEqual(upTo(30))
    await group.leave()
    const heir = await log.group(topic, { groupId: 'grouped', sessionTimeoutMillis: 3_000 })
    const event = await heir.next({ maxBytes: MIB, waitMillis: 20_000 })
    expect(event).toMatchObject({ kind: 'assigned', partitions: [{ partition: 0 }, { partition: 1 }] })
    const { end } = (await log.offsets(topic, [0]))[0]!
    expect(event?.kind === 'assigned' && event.partitions.map(({ offset }) => offset)).toContain(end)
    await heir.leave()
  })

  test('that is not there is UNAVAILABLE, and names the address', async () => {
    const log = kafkaLog({ ...kafkaOptions('kafka://127.0.0.1:9'), deadlineMillis: 3_000 })
    logs.push(log)
    await expect(log.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('kafka://127.0.0.1:9') as string,
    })
  })

  test('makes no topic that nobody made, and takes no more copies than brokers', async () => {
    const log = openLog(cluster)
    await expect(log.producer().send('not-made', [text('k', 'v')])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(log.partitions('not-made')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(log.createTopic('copies', { partitions: 1, replication: 3 })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('fewer brokers') as string,
    })
  })
})

describe('three brokers', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startOwnCluster({ services: ['kafka'], kafka: { brokers: 3 } })
  })
  afterAll(() => cluster?.destroy())

  test('one killed after the other: sends and fetches go on within seconds, and nothing is lost', async () => {
    const log = openLog(cluster)
    const topic = 'three'
    await log.createTopic(topic, { partitions: 1, replication: 3 })
    let enough = false
    let sent = 0
    const sending = sendUntil(log, topic, () => enough).then(count => {
      sent = count
    })
    const reading = readUntil(log, topic, read => sent > 0 && read >= sent)
    const other = openLog(cluster)
    for (const name of ['kafka-1', 'kafka-2', 'kafka-3']) {
      const { end } = (await other.offsets(topic, [0]))[0]!
      await cluster.kill(name)
      const startedAt = performance.now()
      await readUntil(other, topic, read => read >= end + 20)
      expect(performance.now() - startedAt).toBeLessThan(30_000)
      await cluster.restart(name)
    }
    enough = true
    await sending
    expect(firstTimes(await reading)).toEqual(upTo(sent))
  })

  test('one that hangs does not stop a log whose first address it is', async () => {
    const log = openLog(cluster)
    await log.createTopic('hung-first', { partitions: 3, replication: 3 })
    await cluster.hang('kafka-1')
    try {
      const fresh = openLog(cluster, { deadlineMillis: 40_000, sendDeadlineMillis: 60_000 })
      expect(await fresh.partitions('hung-first')).toBe(3)
      await fresh.producer().send('hung-first', [
        { ...text('k', '0'), partition: 0 },
        { ...text('k', '1'), partition: 1 },
        { ...text('k', '2'), partition: 2 },
      ])
      for (const partition of [0, 1, 2]) expect(await readTo(fresh, 'hung-first', partition)).not.toHaveLength(0)
    } finally {
      await cluster.resume('kafka-1')
    }
  })
})
