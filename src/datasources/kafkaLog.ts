import type { Admin, Base, BaseOptions, Consumer, Producer } from '@platformatic/kafka'
import pLimit from 'p-limit'
import { abortable, pause } from './abortable.ts'
import type { Call } from './call.ts'
import { type Compression, showKafkaAddress } from './kafka/address.ts'
import { backOffMillis, closeClient, type KafkaConnection, kafkaClients, METADATA_RETRIES } from './kafka/clients.ts'
import { explainKafkaError, hasKafkaCode, isTransient, isUnknownTopic, kafkaSilent } from './kafka/errors.ts'
import { fetchOnce, READ_COMMITTED } from './kafka/reading.ts'
import { sendAll } from './kafka/sending.ts'
import type { Fetched, FetchFrom, Log, LogProducer, OffsetRange, TopicLayout } from './log.ts'
import {
  checkTopicLayout,
  checkTopicName,
  logClosed,
  noSuchPartition,
  otherPartitions,
  outOfRange,
} from './logErrors.ts'

export interface KafkaLogOptions extends KafkaConnection {
  compression: Compression
  /** A call that Kafka has not answered after so long is UNAVAILABLE; a fetch beyond its wait. */
  deadlineMillis?: number
  /** The same for a send, which goes on over a broker's restart or the election of another leader. */
  sendDeadlineMillis?: number
}

const DEADLINE_MILLIS = 20_000
const SEND_DEADLINE_MILLIS = 45_000
const EARLIEST = -2n
const LATEST = -1n

/** A log in Kafka. Connects when it is first used, and anew whenever a connection is lost. */
export function kafkaLog(options: KafkaLogOptions): Log {
  const { compression, deadlineMillis = DEADLINE_MILLIS, sendDeadlineMillis = SEND_DEADLINE_MILLIS } = options
  const url = showKafkaAddress(options)
  const clients = kafkaClients(options)
  const closed = new AbortController()
  const open = new Set<Base<BaseOptions>>()
  // A connection answers one request after the other, so a fetch that waits has one for itself.
  const idleReaders: Consumer[] = []
  let admin: Admin | undefined
  let asker: Consumer | undefined

  function opened<Client extends Base<BaseOptions>>(make: () => Client): Client {
    closed.signal.throwIfAborted()
    const client = make()
    open.add(client)
    return client
  }

  async function discard(client: Base<BaseOptions>): Promise<void> {
    open.delete(client)
    await closeClient(client)
  }

  /** The work, or UNAVAILABLE when it has not ended in time; explains its errors. What was given up may still go on. */
  async function answered<T>(work: () => Promise<T>, millis: number, topic?: string, call: Call = {}): Promise<T> {
    call.signal?.throwIfAborted()
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(kafkaSilent(url, millis)), millis)
    try {
      const signal = AbortSignal.any([late.signal, closed.signal, ...(call.signal ? [call.signal] : [])])
      return await abortable(work(), signal)
    } catch (error) {
      throw call.signal?.aborted && error === call.signal.reason ? error : explainKafkaError(error, url, topic)
    } finally {
      clearTimeout(timer)
    }
  }

  const administer = <T>(work: (client: Admin) => Promise<T>, topic?: string, call?: Call) =>
    answered(
      () => {
        admin ??= opened(clients.admin)
        return work(admin)
      },
      deadlineMillis,
      topic,
      call,
    )

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
      await client.createTopics({ topics: [topic], partitions, replicas: replication })
    } catch (error) {
      if (!hasKafkaCode(error, 'TOPIC_ALREADY_EXISTS')) throw error
    }
    for (let attempt = 0; ; attempt += 1) {
      const found = await partitionsNow(client, topic)
      if (found !== undefined) return found
      await pause(backOffMillis(attempt), closed.signal)
    }
  }

  async function offsetsNow(topic: string, partitions: readonly number[]): Promise<OffsetRange[]> {
    asker ??= opened(clients.consumer)
    const client = asker
    const { topics } = await client.metadata({ topics: [topic], retries: METADATA_RETRIES })
    const { partitionsCount } = topics.get(topic)!
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

  const offsets = (topic: string, partitions: readonly number[], call?: Call) => {
    checkTopicName(topic)
    return answered(() => offsetsNow(topic, partitions), deadlineMillis, topic, call)
  }

  /** Goes on over leaders that change and brokers that come back, until the deadline of `answered` ends it. */
  async function fetchThrough(
    reader: Consumer,
    topic: string,
    partition: number,
    from: FetchFrom,
    given: { up: boolean },
  ): Promise<Fetched> {
    const deadline = performance.now() + from.waitMillis
    let { offset } = from
    for (let attempt = 0; ; ) {
      const leftMillis = deadline - performance.now()
      try {
        const fetched = await fetchOnce(reader, topic, partition, { ...from, offset, waitMillis: leftMillis })
        attempt = 0
        offset = fetched.nextOffset
        if (fetched.records.length > 0 || leftMillis <= 0 || given.up) return fetched
      } catch (error) {
        if (given.up) throw error
        if (hasKafkaCode(error, 'OFFSET_OUT_OF_RANGE')) {
          const [range] = await offsetsNow(topic, [partition])
          const wrong = outOfRange(topic, partition, offset, range!)
          if (wrong) throw wrong
        } else if (!isTransient(error)) throw error
        reader.clearMetadata()
        await pause(backOffMillis(attempt), closed.signal)
        attempt += 1
      }
    }
  }

  async function fetch(topic: string, partition: number, from: FetchFrom, call?: Call): Promise<Fetched> {
    checkTopicName(topic)
    const given = { up: false }
    const reader = idleReaders.pop() ?? opened(() => clients.consumer())
    const fetching = () => {
      const work = fetchThrough(reader, topic, partition, from, given)
      // Also when it was given up: then as soon as its last request has been answered.
      const back = () => void (open.has(reader) && idleReaders.push(reader))
      work.then(back, back)
      return work
    }
    try {
      return await answered(fetching, from.waitMillis + deadlineMillis, topic, call)
    } finally {
      given.up = true
    }
  }

  function producer(): LogProducer {
    const oneAtATime = pLimit(1)
    let current: Producer | undefined
    let ended = false

    return {
      async send(topic, records, call) {
        checkTopicName(topic)
        await oneAtATime(async () => {
          if (ended) throw logClosed()
          call?.signal?.throwIfAborted()
          if (records.length === 0) return
          let settled = false
          current ??= opened(clients.producer)
          const client = current
          try {
            await answered(
              async () => {
                try {
                  await sendAll(client, topic, records, compression)
                } finally {
                  settled = true
                }
              },
              sendDeadlineMillis,
              topic,
              call,
            )
          } catch (error) {
            // A send that was given up must not go on behind the next one.
            if (!settled) {
              current = undefined
              await discard(client)
            }
            throw error
          }
        })
      },
      async close() {
        ended = true
        await oneAtATime(async () => {
          if (current) await discard(current)
          current = undefined
        })
      },
    }
  }

  return {
    kind: 'kafka',
    url,

    async createTopic(topic, layout, call) {
      checkTopicName(topic)
      checkTopicLayout(layout)
      const { partitions } = layout
      await administer(
        async client => {
          const found = (await partitionsNow(client, topic)) ?? (await makeTopic(client, topic, layout))
          if (found !== partitions) throw otherPartitions(topic, partitions, found)
        },
        topic,
        call,
      )
    },

    async removeTopic(topic, call) {
      checkTopicName(topic)
      await administer(
        async client => {
          try {
            await client.deleteTopics({ topics: [topic] })
          } catch (error) {
            if (!isUnknownTopic(error)) throw error
          }
          for (let attempt = 0; (await partitionsNow(client, topic)) !== undefined; attempt += 1)
            await pause(backOffMillis(attempt), closed.signal)
        },
        topic,
        call,
      )
    },

    async partitions(topic, call) {
      checkTopicName(topic)
      return await administer(
        async client => {
          const { topics } = await client.metadata({ topics: [topic], forceUpdate: true, retries: METADATA_RETRIES })
          return topics.get(topic)!.partitionsCount
        },
        topic,
        call,
      )
    },

    offsets,
    fetch,

    async trim(topic, partition, offset, call) {
      const [range] = await offsets(topic, [partition], call)
      if (offset > range!.end) throw outOfRange(topic, partition, offset, range!)!
      if (offset <= range!.begin) return
      const partitions = [{ partition, offset: BigInt(offset) }]
      await administer(client => client.deleteRecords({ topics: [{ name: topic, partitions }] }), topic, call)
    },

    producer,

    async ping(call) {
      const { brokers } = await administer(
        client => client.metadata({ topics: [], forceUpdate: true }),
        undefined,
        call,
      )
      return `${brokers.size} ${brokers.size === 1 ? 'broker' : 'brokers'}`
    },

    async close() {
      closed.abort(logClosed())
      await Promise.all([...open].map(discard))
    },
  }
}
