import type { Consumer, RecordsBatch } from '@platformatic/kafka'
import type { Fetched, FetchFrom, LogHeader, LogRecord } from '../log.ts'
import { noSuchPartition } from '../logErrors.ts'
import { METADATA_RETRIES } from './clients.ts'

/** A request waits no longer for records, well within REQUEST_TIMEOUT_MILLIS. */
const LONGEST_WAIT_MILLIS = 3_000
export const READ_COMMITTED = 1
const CONTROL_BATCH = 1 << 5
const ANY_EPOCH = -1

/** One request for the records of a partition: what came, or nothing within the wait. Errors are the library's. */
export async function fetchOnce(
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
  const { topics } = await consumer.metadata({ topics: [topic], retries: METADATA_RETRIES })
  const found = topics.get(topic)!
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
  const records: LogRecord[] = []
  let nextOffset = offset
  for (const batch of partition.records ?? []) {
    if ((batch.attributes & CONTROL_BATCH) === 0) takeRecords(batch, offset, records)
    nextOffset = Math.max(nextOffset, Number(batch.firstOffset) + batch.lastOffsetDelta + 1)
  }
  return { records, nextOffset, endOffset: Number(partition.lastStableOffset) }
}

function takeRecords(batch: RecordsBatch, offset: number, into: LogRecord[]): void {
  const firstOffset = Number(batch.firstOffset)
  const firstMillis = Number(batch.firstTimestamp)
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
    const recordOffset = firstOffset + offsetDelta
    if (recordOffset < offset) continue
    into.push({
      offset: recordOffset,
      timestampMillis: firstMillis + Number(timestampDelta),
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
