import type { MessageToProduce, Producer } from '@platformatic/kafka'
import pLimit from 'p-limit'
import { hasCode } from '../../errors.ts'
import type { Call } from '../call.ts'
import { partitionOfKey } from '../keyPartition.ts'
import type { LogHeader, LogProducer, OutgoingRecord } from '../log.ts'
import { checkTopicName, noSuchPartition, producerClosed, recordTooLarge } from '../logErrors.ts'
import type { Compression } from './address.ts'
import { topicOf } from './clients.ts'
import { hasKafkaCode } from './errors.ts'
import type { KafkaSession } from './session.ts'

/** A request has one batch for each partition, and brokers take a batch of 1 MiB unless told otherwise. */
const BATCH_BYTES = 900_000
const REQUEST_BYTES = 8 * 1024 * 1024
/** What a record takes beside its own bytes, at most. */
const RECORD_OVERHEAD_BYTES = 24

export interface SendingParts {
  session: KafkaSession
  compression: Compression
  /** Of one send, retries included. */
  deadlineMillis: number
}

/** Sends go out one after the other, in the order in which they were called. */
export function kafkaProducer({ session, compression, deadlineMillis: millis }: SendingParts): LogProducer {
  const oneAtATime = pLimit(1)
  let current: Producer | undefined
  let ended = false

  /** What was given up must not go on behind the next send, and after an outage another broker is asked first. */
  async function replace(): Promise<void> {
    const old = current
    current = undefined
    if (old) await session.discard(old)
  }

  async function send(topic: string, records: readonly OutgoingRecord[], call?: Call): Promise<void> {
    if (ended) throw producerClosed()
    current ??= session.open(() => session.clients.producer())
    const producer = current
    try {
      await session.answered(() => sendAll(producer, topic, records, compression), { millis, topic, call })
    } catch (error) {
      if (call?.signal?.aborted || hasCode(error, 'UNAVAILABLE')) await replace()
      throw error
    }
  }

  return {
    async send(topic, records, call) {
      checkTopicName(topic)
      call?.signal?.throwIfAborted()
      if (records.length > 0) await oneAtATime(send, topic, records, call)
    },
    async close() {
      ended = true
      await oneAtATime(replace)
    },
  }
}

/** All records acknowledged, in requests one after the other. Errors are the library's, beside those of a record's size and place. */
async function sendAll(
  producer: Producer,
  topic: string,
  records: readonly OutgoingRecord[],
  compression: Compression,
): Promise<void> {
  const highest = records.reduce((most, { partition = 0 }) => Math.max(most, partition), 0)
  const { partitionsCount } = await topicOf(producer, topic, highest)
  const messages = messagesOf(topic, records, partitionsCount)
  for (const request of requestsOf(messages)) await sendTogether(producer, topic, request, compression)
}

type OutgoingMessage = MessageToProduce & { partition: number; bytes: number }

/** A topic may take smaller batches than most: then each half for itself, in order. */
async function sendTogether(
  producer: Producer,
  topic: string,
  messages: OutgoingMessage[],
  compression: Compression,
): Promise<void> {
  try {
    await producer.send({ messages, compression })
  } catch (error) {
    if (!hasKafkaCode(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) throw error
    if (messages.length === 1) throw recordTooLarge(topic, messages[0]!.bytes, undefined, error)
    const half = Math.ceil(messages.length / 2)
    await sendTogether(producer, topic, messages.slice(0, half), compression)
    await sendTogether(producer, topic, messages.slice(half), compression)
  }
}

function messagesOf(topic: string, records: readonly OutgoingRecord[], partitions: number): OutgoingMessage[] {
  return records.map(({ key, value, headers = [], partition = partitionOfKey(key, partitions) }) => {
    if (partition >= partitions || partition < 0) throw noSuchPartition(topic, partition, partitions)
    return {
      topic,
      partition,
      key: asBuffer(key),
      value: asBuffer(value),
      ...(headers.length > 0 && { headers: headerMap(headers) }),
      bytes: key.length + value.length + bytesOf(headers),
    }
  })
}

function* requestsOf(messages: readonly OutgoingMessage[]): Generator<OutgoingMessage[], void, undefined> {
  let request: OutgoingMessage[] = []
  let requestBytes = 0
  let batchBytes = new Map<number, number>()
  for (const message of messages) {
    const bytes = message.bytes + RECORD_OVERHEAD_BYTES
    const batch = batchBytes.get(message.partition) ?? 0
    if ((batch > 0 && batch + bytes > BATCH_BYTES) || (requestBytes > 0 && requestBytes + bytes > REQUEST_BYTES)) {
      yield request
      request = []
      requestBytes = 0
      batchBytes = new Map()
    }
    request.push(message)
    requestBytes += bytes
    batchBytes.set(message.partition, (batchBytes.get(message.partition) ?? 0) + bytes)
  }
  if (request.length > 0) yield request
}

/** The library takes a map; keyed by buffers, which are equal only to themselves, so that a name may come twice. */
function headerMap(headers: readonly LogHeader[]): Map<Buffer, Buffer> {
  return new Map(headers.map(({ name, value }) => [Buffer.from(name), asBuffer(value)]))
}

function bytesOf(headers: readonly LogHeader[]): number {
  return headers.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0)
}

/** The same bytes, not copied. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
