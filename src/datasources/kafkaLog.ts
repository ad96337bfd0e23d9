import type { Admin, Base, BaseOptions, Consumer } from '@platformatic/kafka'
import { hasCode } from '../errors.ts'
import { pause } from './abortable.ts'
import type { Call } from './call.ts'
import type { Compression } from './kafka/address.ts'
import { backOffMillis, type KafkaConnection, topicOf } from './kafka/clients.ts'
import { hasKafkaCode, isUnknownTopic } from './kafka/errors.ts'
import { joinKafkaGroup } from './kafka/membership.ts'
import { kafkaFetch, READ_COMMITTED } from './kafka/reading.ts'
import { kafkaProducer } from './kafka/sending.ts'
import { kafkaSession } from './kafka/session.ts'
import type { Log, OffsetRange, TopicLayout } from './log.ts'
import { checkTopicLayout, checkTopicName, noSuchPartition, otherPartitions, outOfRange } from './logErrors.ts'
import { openLogGroup } from './logGroup.ts'

export interface KafkaLogOptions extends KafkaConnection {
  compression: Compression
  /** A call that Kafka has not answered after so long is UNAVAILABLE; a fetch beyond its wait. */
  deadlineMillis?: number
  /** The same for a send, which goes on over a broker's restart or the election of another leader. */
  sendDeadlineMillis?: number
}

const DEADLINE_MILLIS = 20_000
const SEND_DEADLINE_MILLIS = 45_000
const SESSION_TIMEOUT_MILLIS = 6_000
const MOST_REPLICAS_UNASKED = 3
/** Else a record's time is what its sender's clock says. */
const BROKERS_TIME = { name: 'message.timestamp.type', value: 'LogAppendTime' }
const EARLIEST = -2n
const LATEST = -1n

/** A log in Kafka. Connects when it is first used, and anew whenever a connection is lost. */
export function kafkaLog(options: KafkaLogOptions): Log {
  const { compression, deadlineMillis = DEADLINE_MILLIS, sendDeadlineMillis = SEND_DEADLINE_MILLIS } = options
  const session = kafkaSession(options)
  const administer = asking<Admin>(session.clients.admin)
  const ask = asking<Consumer>(() => session.clients.consumer())

  /** Calls with one client, which is replaced when it got no answer: the next one asks another broker first. */
  function asking<Client extends Base<BaseOptions>>(make: () => Client) {
    let current: Client | undefined
    return async <T>(work: (client: Client) => Promise<T>, topic?: string, call?: Call): Promise<T> => {
      if (topic !== undefined) checkTopicName(topic)
      current ??= session.open(make)
      const client = current
      try {
        return await session.answered(() => work(client), { millis: deadlineMillis, ...(topic && { topic }), call })
      } catch (error) {
        if (hasCode(error, 'UNAVAILABLE')) {
          if (current === client) current = undefined
          await session.discard(client)
        }
        throw error
      }
    }
  }

  /** How many partitions the topic has now; undefined where there is no such topic. */
  async function partitionsNow(client: Admin, topic: string): Promise<number | undefined> {
    try {
      const { topics } = await client.metadata({ topics: [topic], forceUpdate: true, retries: 0 })
      return topics.get(topic)?.partitionsCount
    } catch (error) {
      if (isUnknownTopic(error)) return undefined
      throw error
    }
  }

  /** Another may make it at the same time: how many partitions it has in the end. */
  async function makeTopic(client: Admin, topic: string, { partitions, replication }: TopicLayout): Promise<number> {
    try {
      const replicas = replication ?? Math.min(MOST_REPLICAS_UNASKED, await brokersOf(client))
      await client.createTopics({ topics: [topic], partitions, replicas, configs: [BROKERS_TIME] })
    } catch (error) {
      if (!hasKafkaCode(error, 'TOPIC_ALREADY_EXISTS')) throw error
    }
    for (let attempt = 0; ; attempt += 1) {
      const found = await partitionsNow(client, topic)
      if (found !== undefined) return found
      await pause(backOffMillis(attempt), session.closed)
    }
  }

  const offsets = (topic: string, partitions: readonly number[], call?: Call) =>
    ask(client => rangesOf(client, topic, partitions), topic, call)

  const fetch = kafkaFetch({
    session,
    deadlineMillis,
    rangeOf: async (topic, partition) => (await offsets(topic, [partition]))[0]!,
  })

  return {
    kind: 'kafka',
    url: session.url,

    async createTopic(topic, layout, call) {
      checkTopicLayout(layout)
      const { partitions } = layout
      await administer(
        async client => {
          const found = (await partitionsNow(client, topic)) ?? (await makeTopic(client, topic, layout))
          session.forgetTopics()
          if (found !== partitions) throw otherPartitions(topic, partitions, found)
        },
        topic,
        call,
      )
    },

    async removeTopic(topic, call) {
      await administer(
        async client => {
          try {
            await client.deleteTopics({ topics: [topic] })
          } catch (error) {
            if (!isUnknownTopic(error)) throw error
          }
          for (let attempt = 0; (await partitionsNow(client, topic)) !== undefined; attempt += 1)
            await pause(backOffMillis(attempt), session.closed)
          session.forgetTopics()
        },
        topic,
        call,
      )
    },

    partitions: (topic, call) =>
      administer(
        async client => {
          client.clearMetadata()
          return (await topicOf(client, topic, 0)).partitionsCount
        },
        topic,
        call,
      ),

    offsets: async (topic, partitions, call) => await offsets(topic, partitions, call),

    fetch,

    async trim(topic, partition, offset, call) {
      const [range] = await offsets(topic, [partition], call)
      if (offset > range!.end) throw outOfRange(topic, partition, offset, range!)!
      if (offset <= range!.begin) return
      const partitions = [{ partition, offset: BigInt(offset) }]
      await administer(client => client.deleteRecords({ topics: [{ name: topic, partitions }] }), topic, call)
    },

    async group(topic, { groupId, sessionTimeoutMillis = SESSION_TIMEOUT_MILLIS }, call) {
      const rangeOf = async (partition: number) => (await offsets(topic, [partition]))[0]!
      await offsets(topic, [], call)
      const parts = {
        session,
        topic,
        groupId,
        sessionTimeoutMillis,
        deadlineMillis: deadlineMillis + sessionTimeoutMillis * 2,
      }
      return await openLogGroup({
        topic,
        join: events => joinKafkaGroup(parts, events),
        fetch: (partition, from, fetchCall) => fetch(topic, partition, from, fetchCall),
        rangeOf,
      })
    },

    producer: () => kafkaProducer({ session, compression, deadlineMillis: sendDeadlineMillis }),

    async ping(call) {
      const brokers = await administer(brokersOf, undefined, call)
      return `${brokers} ${brokers === 1 ? 'broker' : 'brokers'}`
    },

    close: () => session.close(),
  }
}

/** How many there are now. */
async function brokersOf(client: Admin): Promise<number> {
  const { brokers } = await client.metadata({ topics: [], forceUpdate: true })
  return brokers.size
}

/** Of committed records, so that an open transaction of someone else holds the end back. */
async function rangesOf(client: Consumer, topic: string, partitions: readonly number[]): Promise<OffsetRange[]> {
  const { partitionsCount } = await topicOf(client, topic, Math.max(0, ...partitions))
  const missing = partitions.find(partition => !(partition >= 0 && partition < partitionsCount))
  if (missing !== undefined) throw noSuchPartition(topic, missing, partitionsCount)
  if (partitions.length === 0) return []
  const asked = { topics: [topic], partitions: { [topic]: [...partitions] }, isolationLevel: READ_COMMITTED }
  const [begins, ends] = await Promise.all([
    client.listOffsets({ ...asked, timestamp: EARLIEST }),
    client.listOffsets({ ...asked, timestamp: LATEST }),
  ])
  return partitions.map(partition => ({
    begin: Number(begins.get(topic)![partition]),
    end: Number(ends.get(topic)![partition]),
  }))
}
