import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { COMPRESSIONS, type Compression, SASL_MECHANISMS } from '../../src/datasources/kafka/address.ts'
import { type KafkaLogOptions, kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { readTo, text, textOf } from '../contract/log.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['kafka'], kafka: { secured: true } })
})
afterAll(() => cluster?.destroy())

type Listener = 'sasl' | 'tls' | 'plain'

function optionsFor(listener: Listener, changes: Partial<KafkaLogOptions> = {}): KafkaLogOptions {
  const { user, password, saslBrokers, tlsBrokers, caFile } = cluster.securedKafka!
  const plain = kafkaOptions(cluster.env.MILLRACE_LOG_URL!)
  if (listener === 'plain') return { ...plain, ...changes }
  return {
    ...plain,
    user,
    password,
    brokers: listener === 'tls' ? tlsBrokers : saslBrokers,
    tls: listener === 'tls',
    tlsCaFile: listener === 'tls' ? caFile : null,
    ...changes,
  }
}

/** Makes a topic, sends and reads. */
async function roundTrip(options: KafkaLogOptions): Promise<(string | null)[]> {
  const log = kafkaLog(options)
  const topic = `secured-${Math.random().toString(36).slice(2)}`
  try {
    await log.createTopic(topic, { partitions: 1, replication: 1 })
    const producer = log.producer()
    await producer.send(topic, [text('k', 'first'), text('k', 'second')])
    await producer.close()
    return (await readTo(log, topic, 0)).map(({ value }) => textOf(value))
  } finally {
    await log.close()
  }
}

async function failure(options: KafkaLogOptions): Promise<{ code?: string; message?: string; hint?: string }> {
  const log = kafkaLog({ ...options, deadlineMillis: 10_000 })
  try {
    return await log.partitions('any').then(
      () => ({}),
      (error: object) => error,
    )
  } finally {
    await log.close()
  }
}

describe.each(['sasl', 'tls'] as const)('the listener %s', listener => {
  test.each(SASL_MECHANISMS)('lets a user in by %s', async saslMechanism => {
    expect(await roundTrip(optionsFor(listener, { saslMechanism }))).toEqual(['first', 'second'])
  })

  test.each(SASL_MECHANISMS)(
    '%s with a wrong password is FORBIDDEN, soon and without the password',
    async mechanism => {
      const startedAt = performance.now()
      const error = await failure(optionsFor(listener, { saslMechanism: mechanism, password: 'hunter2' }))
      expect(error).toMatchObject({ code: 'FORBIDDEN', hint: expect.stringContaining('MILLRACE_LOG_USER') as string })
      expect(error.message).not.toContain('hunter2')
      expect(performance.now() - startedAt).toBeLessThan(10_000)
    },
  )
})

test('a topic that is missing and may not be made is FORBIDDEN, as is one that may not be read', async () => {
  const guest = kafkaLog(optionsFor('sasl', { user: cluster.securedKafka!.guest }))
  const owner = kafkaLog(optionsFor('sasl'))
  const refused = { code: 'FORBIDDEN', hint: expect.stringContaining('Grant the user') as string }
  try {
    await expect(guest.createTopic('not-ours', { partitions: 1, replication: null })).rejects.toMatchObject(refused)
    await owner.createTopic('ours', { partitions: 1, replication: 1 })
    await expect(guest.createTopic('ours', { partitions: 1, replication: 1 })).rejects.toMatchObject(refused)
    await expect(guest.fetch('ours', 0, { offset: 0, maxBytes: 1, waitMillis: 0 })).rejects.toMatchObject(refused)
  } finally {
    await guest.close()
    await owner.close()
  }
})

test('a certificate that nobody vouches for is FORBIDDEN', async () => {
  expect(await failure(optionsFor('tls', { tlsCaFile: null }))).toMatchObject({
    code: 'FORBIDDEN',
    message: expect.stringContaining('SELF_SIGNED') as string,
    hint: expect.stringContaining('MILLRACE_LOG_TLS_CA') as string,
  })
})

test('TLS where there is none, and none where there is, is told', async () => {
  const { saslBrokers, tlsBrokers, caFile } = cluster.securedKafka!
  const noTlsThere = await failure(optionsFor('tls', { brokers: saslBrokers, tls: true, tlsCaFile: caFile }))
  expect(noTlsThere).toMatchObject({
    code: 'FORBIDDEN',
    message: expect.stringContaining('does not speak TLS') as string,
  })
  expect(await failure({ ...optionsFor('plain'), brokers: tlsBrokers })).toMatchObject({
    code: 'FORBIDDEN',
    message: expect.stringContaining('speaks TLS only') as string,
  })
  expect(await failure(optionsFor('sasl', { brokers: tlsBrokers }))).toMatchObject({
    code: 'FORBIDDEN',
    hint: expect.stringContaining('MILLRACE_LOG_TLS') as string,
  })
})

test('no user where one is asked for is an error with a hint, within the deadline', async () => {
  const { brokers } = optionsFor('sasl')
  expect(await failure({ ...optionsFor('plain'), brokers })).toMatchObject({
    code: 'UNAVAILABLE',
    hint: expect.stringContaining('ask for a user') as string,
  })
})

test('a file of certificates that is not there is BAD_USER_INPUT', async () => {
  expect(await failure(optionsFor('tls', { tlsCaFile: '/not/there.pem' }))).toMatchObject({
    code: 'BAD_USER_INPUT',
    message: expect.stringContaining('/not/there.pem') as string,
  })
})

test.each(COMPRESSIONS)('records compressed with %s come back', async (compression: Compression) => {
  expect(await roundTrip(optionsFor('plain', { compression }))).toEqual(['first', 'second'])
})
