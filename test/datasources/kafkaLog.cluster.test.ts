import { randomUUID } from 'node:crypto'
import { Producer } from '@platformatic/kafka'
import { expect, inject, test } from 'vitest'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'

import { readTo, testLog, textOf } from '../contract/log.ts'
import { testLogGroups } from '../contract/logGroup.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'

const options = () => kafkaOptions(inject('cluster').env.MILLRACE_LOG_URL!)
const open = async () => kafkaLog(options())

testLog('Kafka', open)
testLogGroups('groups in Kafka', open)

test('transactions of others: what was taken back is not read, and markers are passed over', async () => {
  const log = await open()
  const topic = `transactions-${randomUUID()}`
  await log.createTopic(topic, { partitions: 1, replication: 1 })
  const others = new Producer({
    clientId: 'others',
    bootstrapBrokers: options().brokers,
    idempotent: true,
    transactionalId: randomUUID(),
    producerId: -1n,
    producerEpoch: -1,
  })
  const send = async (value: string, keep: boolean) => {
    const transaction = await others.beginTransaction()
    await transaction.send({ messages: [{ topic, partition: 0, key: Buffer.from('k'), value: Buffer.from(value) }] })
    await (keep ? transaction.commit() : transaction.abort())
  }
  await send('kept', true)
  await send('taken back', false)
  await send('kept too', true)
  await send('taken back at the end', false)
  await others.close()

  expect((await readTo(log, topic, 0)).map(({ offset, value }) => [offset, textOf(value)])).toEqual([
    [0, 'kept'],
    [4, 'kept too'],
  ])
  // In small pieces, so that markers come apart from what they end.
  const pieces: (string | null)[] = []
  for (let offset = 0; offset < 8; ) {
    const fetched = await log.fetch(topic, 0, { offset, maxBytes: 1, waitMillis: 0 })
    pieces.push(...fetched.records.map(({ value }) => textOf(value)))
    offset = fetched.nextOffset
  }
  expect(pieces).toEqual(['kept', 'kept too'])
  expect(await log.offsets(topic, [0])).toEqual([{ begin: 0, end: 8 }])
  expect(await log.fetch(topic, 0, { offset: 5, maxBytes: 1_000_000, waitMillis: 500 })).toEqual({
    records: [],
    nextOffset: 8,
    endOffset: 8,
  })
  await log.removeTopic(topic)
  await log.close()
})

test('the time of a record is when a broker took it, whatever the clock of its sender says', async () => {
  const log = await open()
  const topic = `times-${randomUUID()}`
  await log.createTopic(topic, { partitions: 1, replication: 1 })
  const startedAt = Date.now()
  const others = new Producer({ clientId: 'others', bootstrapBrokers: options().brokers })
  const message = { topic, partition: 0, key: Buffer.from('k'), value: Buffer.from('v') }
  await others.send({ messages: [12_345n, 67_890n].map(timestamp => ({ ...message, timestamp })) })
  await others.close()
  for (const { timestampMillis } of await readTo(log, topic, 0)) {
    expect(timestampMillis).toBeGreaterThanOrEqual(startedAt - 1_000)
    expect(timestampMillis).toBeLessThanOrEqual(Date.now() + 1_000)
  }
  await log.removeTopic(topic)
  await log.close()
})
