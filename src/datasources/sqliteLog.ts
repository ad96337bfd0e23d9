import { abortable, pause } from './abortable.ts'
import type { Call } from './call.ts'
import { partitionOfKey } from './keyPartition.ts'
import type { Fetched, FetchFrom, Log, LogProducer, OffsetRange, OutgoingRecord } from './log.ts'
import {
  checkTopicLayout,
  checkTopicName,
  logClosed,
  noSuchPartition,
  noSuchTopic,
  otherPartitions,
  outOfRange,
  producerClosed,
  recordTooLarge,
} from './logErrors.ts'
import { openLogGroup } from './logGroup.ts'
import { type LogFile, openLogFile, type PartitionId, type Topic } from './sqlite/logFile.ts'
import { joinSqliteGroup } from './sqlite/membership.ts'
import { explainSqliteError, isBusy } from './sqlite/sqliteErrors.ts'

export interface SqliteLogOptions {
  /** Made where it is missing. Several processes may share it. */
  file: string
  /** Records are given up when they are older, as more are sent; seven days unless told, as Kafka does. */
  keepMillis?: number
  /** The largest record taken, in bytes of key and value. */
  maxRecordBytes?: number
  /** How long to try for the lock, which other processes hold for the time of a commit; ten seconds unless told. */
  lockDeadlineMillis?: number
  /** Milliseconds since 1970. */
  clock?: () => number
}

const WEEK_MILLIS = 7 * 24 * 3_600_000
const DEFAULT_MAX_RECORD_BYTES = 8 * 1024 * 1024
const LOCK_DEADLINE_MILLIS = 10_000
const LOCK_PAUSE_MILLIS = 10
/** How soon a waiting fetch sees what another process has sent. One look takes some microseconds. */
const LOOK_MILLIS = 20
const SESSION_TIMEOUT_MILLIS = 6_000
const RETENTION_PAUSE_MILLIS = 60_000

/** A log in one SQLite file. What is acknowledged survives a kill and a power cut. */
export function sqliteLog(options: SqliteLogOptions): Log {
  const { file, keepMillis = WEEK_MILLIS, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options
  const { lockDeadlineMillis = LOCK_DEADLINE_MILLIS, clock = Date.now } = options
  const closed = new AbortController()
  const changes = watchForChanges(() => opened().version())
  let openedFile: LogFile | undefined
  const forgottenAt = new Map<number, number>()

  function opened(): LogFile {
    if (closed.signal.aborted) throw logClosed()
    openedFile ??= openLogFile(file)
    return openedFile
  }

  /** Runs `work` as soon as no other process holds the lock. */
  async function whenFree<T>(work: (log: LogFile) => T, { signal }: Call = {}): Promise<T> {
    const deadline = performance.now() + lockDeadlineMillis
    for (;;) {
      signal?.throwIfAborted()
      try {
        return work(opened())
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw explainSqliteError(error, file)
      }
      // Uneven, so that two processes do not knock at the same times for ever.
      await pause(LOCK_PAUSE_MILLIS * (0.5 + Math.random()), signal)
    }
  }

  async function write<T>(work: (log: LogFile) => T, call?: Call): Promise<T> {
    const result = await whenFree(log => log.transaction(() => work(log)), call)
    changes.look()
    return result
  }

  const read = <T>(work: (log: LogFile) => T, call?: Call) => whenFree(log => log.snapshot(() => work(log)), call)

  /** At most once a minute for each topic. */
  function forgetOld(log: LogFile, { id, partitions }: Topic): void {
    if (clock() - (forgottenAt.get(id) ?? Number.NEGATIVE_INFINITY) < RETENTION_PAUSE_MILLIS) return
    forgottenAt.set(id, clock())
    for (const partition of partitions) {
      const first = log.firstSince(partition, clock() - keepMillis)
      if (first > log.range(partition).begin) log.trim(partition, first)
    }
  }

  function fetchNow(log: LogFile, topic: string, partition: number, from: FetchFrom): Fetched {
    const id = partitionOf(findTopic(log, topic), topic, partition)
    const range = log.range(id)
    const wrong = outOfRange(topic, partition, from.offset, range)
    if (wrong) throw wrong
    const records = log.read(id, from)
    return { records, nextOffset: (records.at(-1)?.offset ?? from.offset - 1) + 1, endOffset: range.end }
  }

  const offsets = (topic: string, partitions: readonly number[], call?: Call): Promise<OffsetRange[]> =>
    read(log => {
      const found = findTopic(log, topic)
      return partitions.map(partition => log.range(partitionOf(found, topic, partition)))
    }, call)

  async function fetch(topic: string, partition: number, from: FetchFrom, call: Call = {}): Promise<Fetched> {
    const deadline = performance.now() + from.waitMillis
    const signal = AbortSignal.any([closed.signal, ...(call.signal ? [call.signal] : [])])
    for (;;) {
      const { seen, fetched } = await whenFree(
        log => ({
          // Before looking, so that nothing that comes after it is missed.
          seen: log.version(),
          fetched: log.snapshot(() => fetchNow(log, topic, partition, from)),
        }),
        { signal },
      )
      const leftMillis = deadline - performance.now()
      if (fetched.records.length > 0 || leftMillis <= 0) return fetched
      await changes.since(seen, leftMillis, signal)
    }
  }

  return {
    kind: 'sqlite',
    url: `sqlite:${file}`,

    async createTopic(topic, layout, call) {
      checkTopicName(topic)
      checkTopicLayout(layout)
      await write(log => {
        const found = log.findTopic(topic)
        if (!found) log.addTopic(topic, layout.partitions)
        else if (found.partitions.length !== layout.partitions)
          throw otherPartitions(topic, layout.partitions, found.partitions.length)
      }, call)
    },

    async removeTopic(topic, call) {
      checkTopicName(topic)
      await write(log => {
        const found = log.findTopic(topic)
        if (found) log.removeTopic(found)
      }, call)
    },

    partitions: (topic, call) => read(log => findTopic(log, topic).partitions.length, call),

    offsets,
    fetch,

    async trim(topic, partition, offset, call) {
      await write(log => {
        const id = partitionOf(findTopic(log, topic), topic, partition)
        const range = log.range(id)
        if (offset > range.end) throw outOfRange(topic, partition, offset, range)!
        if (offset > range.begin) log.trim(id, offset)
      }, call)
    },

    async group(topic, { groupId, sessionTimeoutMillis = SESSION_TIMEOUT_MILLIS }, call) {
      await offsets(topic, [], call)
      const parts = { topic, groupId, sessionMillis: sessionTimeoutMillis, clock, write, closed: closed.signal }
      return await openLogGroup({
        topic,
        join: events => joinSqliteGroup(parts, events),
        fetch: (partition, from, fetchCall) => fetch(topic, partition, from, fetchCall),
        rangeOf: async partition => (await offsets(topic, [partition]))[0]!,
      })
    },

    producer(): LogProducer {
      let ended = false
      return {
        async send(topic, records, call) {
          if (ended) throw producerClosed()
          if (records.length === 0) return
          const tooLarge = records.find(record => bytesOf(record) > maxRecordBytes)
          if (tooLarge) throw recordTooLarge(topic, bytesOf(tooLarge), maxRecordBytes)
          await write(log => {
            const found = findTopic(log, topic)
            for (const [partition, group] of byPartition(records, topic, found))
              log.append(partition, group, Math.round(clock()))
            forgetOld(log, found)
          }, call)
        },
        async close() {
          ended = true
        },
      }
    },

    async ping(call) {
      const topics = await read(log => log.topicCount(), call)
      return `${topics} topics`
    },

    async close() {
      closed.abort(logClosed())
      changes.stop()
      openedFile?.close()
      openedFile = undefined
    },
  }
}

function findTopic(log: LogFile, topic: string): Topic {
  checkTopicName(topic)
  const found = log.findTopic(topic)
  if (!found) throw noSuchTopic(topic)
  return found
}

function partitionOf({ partitions }: Topic, topic: string, partition: number): PartitionId {
  const id = partitions[partition]
  if (id === undefined) throw noSuchPartition(topic, partition, partitions.length)
  return id
}

function byPartition(records: readonly OutgoingRecord[], topic: string, found: Topic) {
  const groups = new Map<PartitionId, OutgoingRecord[]>()
  for (const record of records) {
    const number = record.partition ?? partitionOfKey(record.key, found.partitions.length)
    const partition = partitionOf(found, topic, number)
    const group = groups.get(partition)
    if (group) group.push(record)
    else groups.set(partition, [record])
  }
  return groups
}

function bytesOf({ key, value }: OutgoingRecord): number {
  return key.length + value.length
}

interface Changes {
  /** Resolves when the version is no longer `seen`, or after `millis`; throws the signal's reason as soon as it is aborted. */
  since(seen: string, millis: number, signal: AbortSignal): Promise<void>
  /** Looks now, for those who wait. */
  look(): void
  stop(): void
}

/** One timer for all who wait, and none while nobody does. */
function watchForChanges(version: () => string): Changes {
  const waiting = new Map<() => void, string>()
  let timer: NodeJS.Timeout | undefined

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  function look(): void {
    if (waiting.size === 0) return
    let now: string
    try {
      now = version()
    } catch {
      now = '' // whoever waits meets the same error when it reads
    }
    for (const [wake, seen] of waiting) if (seen !== now) wake()
  }

  return {
    look,
    stop,
    async since(seen, millis, signal) {
      const changed = Promise.withResolvers<void>()
      waiting.set(changed.resolve, seen)
      timer ??= setInterval(look, LOOK_MILLIS)
      const late = setTimeout(changed.resolve, millis)
      try {
        await abortable(changed.promise, signal)
      } finally {
        clearTimeout(late)
        waiting.delete(changed.resolve)
        if (waiting.size === 0) stop()
      }
    },
  }
}
