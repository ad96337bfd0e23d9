import { abortable } from '../../datasources/abortable.ts'
import type { Call } from '../../datasources/call.ts'
import type { Clock } from '../../datasources/clock.ts'
import type { Log, LogRecord } from '../../datasources/log.ts'
import { createBroadcast } from '../../jobs/broadcast.ts'
import { expanded } from '../../jobs/iterate.ts'
import type { FileTransfer, Machine, TransfersQuestion } from '../files.ts'
import { decodeAcknowledgment } from '../wire/acknowledgment.ts'
import { decodeStatus } from '../wire/status.ts'
import type { FileTopics } from '../wire/topics.ts'
import { createMachines } from './machines.ts'
import { createTopicReader, type TopicReader } from './topicReader.ts'
import { createTransfers, hasEnded } from './transfers.ts'

/** What the log says of transfers and machines, read on whenever somebody asks or watches. */
export interface Tracker {
  /** Reads what has come into the log by now; errors are the log's. Those who ask at the same time share one reading. */
  refresh(call?: Call): Promise<void>
  /** As of the last refresh, those that changed last first. */
  transfers(question: TransfersQuestion): FileTransfer[]
  transfer(file: string): FileTransfer | undefined
  machines(): Machine[]
  /** Records that could not be read: of later versions, or damaged. */
  unreadable(): number
  /** See Files.watchTransfers; while somebody watches the log is read on. */
  watch(file: string | undefined): AsyncIterableIterator<FileTransfer>
}

export interface TrackerOptions {
  log: Pick<Log, 'partitions' | 'offsets' | 'fetch'>
  topics: FileTopics
  clock: Clock
  /** Told once for each spell in which the log cannot be read while somebody watches. */
  note: (message: string, details: object) => void
}

/** Records of one partition that a first reading goes back: some hundred bytes each. */
const LOOK_BACK = { acknowledgments: 200_000, status: 50_000 }
/** More than anybody has, and as many as a GraphQL Int can be: a made-up number must not keep the others from being shown. */
const MOST_BLOCKS = 2 ** 31 - 1
const POLL_MILLIS = 250
const POLL_AFTER_FAILURE_MILLIS = 1_000

export function createTracker({ log, topics, clock, note }: TrackerOptions): Tracker {
  const transfers = createTransfers()
  const machines = createMachines()
  let unreadable = 0

  const acknowledgments = readerOf(topics.acknowledgments.name, LOOK_BACK.acknowledgments)
  const statuses = readerOf(topics.status.name, LOOK_BACK.status)

  function readerOf(topic: string, lookBackRecords: number): TopicReader {
    return createTopicReader({ log, topic, lookBackRecords, onNewTopic: startAnew })
  }

  /** What a topic said that was removed since does not hold any more. */
  function startAnew(): void {
    transfers.clear()
    machines.clear()
    for (const reader of [acknowledgments, statuses]) reader.rewind()
  }

  function takeAcknowledgment({ value, timestampMillis }: LogRecord): void {
    const read = decodeAcknowledgment(value)
    if ('problem' in read || read.totalBlocks > MOST_BLOCKS) {
      unreadable += 1
      return
    }
    machines.takeAcknowledgment(read, transfers.takeAcknowledgment(read, timestampMillis), timestampMillis)
  }

  function takeStatus({ value, timestampMillis }: LogRecord): void {
    const read = decodeStatus(value)
    if ('problem' in read || read.blocksProcessed > MOST_BLOCKS || read.failures > MOST_BLOCKS) {
      unreadable += 1
      return
    }
    machines.takeStatus(read, timestampMillis)
    for (const transfer of read.transfers ?? []) {
      if (transfer.totalBlocks > MOST_BLOCKS) unreadable += 1
      else transfers.takeStatus(transfer, timestampMillis)
    }
  }

  const changes = createBroadcast<void>()
  let following = false

  const read = shared(async () => {
    const before = transfers.version
    try {
      await acknowledgments.read(takeAcknowledgment)
      await statuses.read(takeStatus)
    } finally {
      if (transfers.version !== before) changes.publish()
    }
  })

  async function follow(): Promise<void> {
    following = true
    let troubled = false
    while (changes.readers > 0) {
      try {
        await read()
        troubled = false
      } catch (error) {
        if (!troubled) note('the progress of files cannot be read', { err: error })
        troubled = true
      }
      await clock.pause(troubled ? POLL_AFTER_FAILURE_MILLIS : POLL_MILLIS)
    }
    following = false
  }

  function watch(file: string | undefined): AsyncIterableIterator<FileTransfer> {
    const ticks = changes.read(undefined)
    let seen: number | undefined
    const look = async (): Promise<FileTransfer[]> => {
      // What is there now comes first, whoever watched before.
      if (seen === undefined) await read().catch(() => {})
      const found = changedSince(seen, file)
      seen = transfers.version
      if (file !== undefined && found.some(hasEnded)) void ticks.return?.()
      return found
    }
    if (!following) void follow()
    return expanded(ticks, look)
  }

  function changedSince(seen: number | undefined, file: string | undefined): FileTransfer[] {
    const changed = transfers.since({ version: seen ?? 0, file }, clock.nowMillis())
    // What ended before anybody watched is told to those only who ask for that file.
    return seen === undefined && file === undefined ? changed.filter(transfer => !hasEnded(transfer)) : changed
  }

  return {
    refresh: ({ signal } = {}) => abortable(read(), signal),
    transfers: question => transfers.list(question, clock.nowMillis()),
    transfer: file => transfers.find(file, clock.nowMillis()),
    machines: () => machines.list(clock.nowMillis()),
    unreadable: () => unreadable,
    watch,
  }
}

/** One run of `work` at a time. Who comes while one is under way gets the next, with all others who came meanwhile. */
function shared(work: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined
  let next: Promise<void> | undefined

  function run(): Promise<void> {
    current = work().finally(() => {
      current = undefined
    })
    return current
  }

  return () => {
    if (next) return next
    if (!current) return run()
    next = current
      .catch(() => {})
      .then(() => {
        next = undefined
        return run()
      })
    return next
  }
}
