import type { Consumer, RecordsBatch } from '@platformatic/kafka'
import { MillraceError } from '../../errors.ts'
import { pause } from '../abortable.ts'
import type { Call } from '../call.ts'
import type { Fetched, FetchFrom, LogHeader, LogRecord, OffsetRange } from '../log.ts'
import { noSuchPartition, outOfRange } from '../logErrors.ts'
import { backOffMillis, topicOf } from './clients.ts'
import { hasKafkaCode, isTransient } from './errors.ts'
import type { KafkaSession } from './session.ts'

/** A request waits no longer for records, well within the deadline of a request. */
const LONGEST_WAIT_MILLIS = 3_000
export const READ_COMMITTED = 1
const TRANSACTIONAL_BATCH = 1 << 4
const CONTROL_BATCH = 1 << 5
const BROKERS_TIME_BATCH = 1 << 3
/** The second of two numbers of 16 bits that are the key of a marker. */
const MARKS_ABORT = 0
const ANY_EPOCH = -1

export interface ReadingParts {
  session: KafkaSession
  /** Beyond the wait of a fetch. */
  deadlineMillis: number
  /** Of one partition, now. */
  rangeOf: (topic: string, partition: number) => Promise<OffsetRange>
}

export type Fetch = (topic: string, partition: number, from: FetchFrom, call?: Call) => Promise<Fetched>

/**
 * Fetches that go on over leaders that change and brokers that come back, each until its deadline. A connection answers one request after the other, so that
 * each fetch, which may wait, has a client for itself; there are as many as there have been fetches at a time.
 */
export function kafkaFetch({ session, deadlineMillis, rangeOf }: ReadingParts): Fetch {
  const idle: Consumer[] = []
  const borrow = () => idle.pop() ?? session.open(() => session.clients.consumer())

  /** Resolves at the first request that ends after `given.up`. */
  async function fetchThrough(
    topic: string,
    partition: number,
    from: FetchFrom,
    given: { up: boolean },
  ): Promise<Fetched> {
    const deadline = performance.now() + from.waitMillis
    let { offset } = from
    for (let attempt = 0; ; ) {
      const leftMillis = deadline - performance.now()
      const reader = borrow()
      try {
        const fetched = await fetchOnce(reader, topic, partition, { ...from, offset, waitMillis: leftMillis })
        idle.push(reader)
        attempt = 0
        offset = fetched.nextOffset
        if (fetched.records.length > 0 || leftMillis <= 0 || given.up) return fetched
      } catch (error) {
        // The next one asks another broker first, and has no leaders in mind that are none any more.
        await session.discard(reader)
        if (given.up || error instanceof MillraceError) throw error
        if (hasKafkaCode(error, 'OFFSET_OUT_OF_RANGE')) {
          const wrong = outOfRange(topic, partition, offset, await rangeOf(topic, partition))
          if (wrong) throw wrong
        } else if (!isTransient(error)) throw error
        await pause(backOffMillis(attempt), session.closed)
        attempt += 1
      }
    }
  }

  return async (topic, partition, from, call) => {
    const given = { up: false }
    const millis = from.waitMillis + deadlineMillis
    try {
      return await session.answered(() => fetchThrough(topic, partition, from, given), { millis, topic, call })
    } finally {
      given.up = true
    }
  }
}

/** One request for the records of a partition: what came, or nothing within the wait. Errors are the library's. */
async function fetchOnce(
  consumer: Consumer,
  topic: string,
  partition: number,
  { offset, maxBytes, waitMillis }: FetchFrom,
): Promise<Fetched> {
  const { id, leader } = await leaderOf(consumer, topic, partition)
  const response = await consumer.fetch({
    node: leader,
    maxWaitTime: Math.max(0, Math.round(Math.min(waitMillis, LONGEST_WAIT_MILLIS))),
    minBytes: 1,
    maxBytes,
    isolationLevel: READ_COMMITTED,
    topics: [
      {
        topicId: id,
        partitions: [
          {
            partition,
            fetchOffset: BigInt(offset),
            partitionMaxBytes: maxBytes,
            currentLeaderEpoch: ANY_EPOCH,
            lastFetchedEpoch: ANY_EPOCH,
          },
        ],
      },
    ],
  })
  return fetchedOf(response, offset)
}

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>

interface Leader {
  /** Of the topic. */
  id: string
  /** Of the broker. */
  leader: number
}

async function leaderOf(consumer: Consumer, topic: string, partition: number): Promise<Leader> {
  const found = await topicOf(consumer, topic, partition)
  const { leader } = found.partitions[partition] ?? {}
  if (leader === undefined) throw noSuchPartition(topic, partition, found.partitionsCount)
  return { id: found.id, leader }
}

/**
 * Kafka gives whole batches, so the first may begin before `offset`; a control batch, which ends a transaction, has offsets but no records. A partition that did
 * not change since the last request on the same connection may be left out.
 */
function fetchedOf({ responses }: FetchResponse, offset: number): Fetched {
  const partition = responses[0]?.partitions[0]
  if (!partition) return { records: [], nextOffset: offset, endOffset: offset }
  const isAborted = abortedBatches(partition.abortedTransactions ?? [])
  const records: LogRecord[] = []
  let nextOffset = offset
  for (const batch of partition.records ?? []) {
    if (!isAborted(batch) && (batch.attributes & CONTROL_BATCH) === 0) takeRecords(batch, offset, records)
    nextOffset = Math.max(nextOffset, Number(batch.firstOffset) + batch.lastOffsetDelta + 1)
  }
  return { records, nextOffset, endOffset: Number(partition.lastStableOffset) }
}

interface AbortedTransaction {
  producerId: bigint
  firstOffset: bigint
}

/**
 * Says of each batch, asked in order, whether a transaction took it back. The library leaves out some of them by itself: those of the last such
 * transaction of each producer, and only where its marker came in the same answer.
 */
function abortedBatches(transactions: readonly AbortedTransaction[]): (batch: RecordsBatch) => boolean {
  const coming = transactions.toSorted((one, other) => Number(one.firstOffset - other.firstOffset))
  const aborting = new Set<bigint>()
  return ({ firstOffset, producerId, attributes, records }) => {
    while (coming[0] && coming[0].firstOffset <= firstOffset) aborting.add(coming.shift()!.producerId)
    const control = (attributes & CONTROL_BATCH) !== 0
    if (control && records[0]?.key?.readInt16BE(2) === MARKS_ABORT) aborting.delete(producerId)
    return !control && (attributes & TRANSACTIONAL_BATCH) !== 0 && aborting.has(producerId)
  }
}

function takeRecords(batch: RecordsBatch, offset: number, into: LogRecord[]): void {
  const firstOffset = Number(batch.firstOffset)
  const firstMillis = Number(batch.firstTimestamp)
  // The broker's time is one for the whole batch; those of the senders stay in the records.
  const brokersMillis = (batch.attributes & BROKERS_TIME_BATCH) === 0 ? undefined : Number(batch.maxTimestamp)
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
    const recordOffset = firstOffset + offsetDelta
    if (recordOffset < offset) continue
    into.push({
      offset: recordOffset,
      timestampMillis: brokersMillis ?? firstMillis + Number(timestampDelta),
      key,
      value,
      headers: headers.length === 0 ? NO_HEADERS : headers.map(headerOf),
    })
  }
}

const NO_HEADERS: LogHeader[] = []

function headerOf([name, value]: [Buffer | null, Buffer | null]): LogHeader {
  return { name: name?.toString() ?? '', value: value ?? NO_BYTES }
}

const NO_BYTES = new Uint8Array(0)
