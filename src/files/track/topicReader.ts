import { setImmediate as otherWork } from 'node:timers/promises'
import type { Call } from '../../datasources/call.ts'
import type { Log, LogRecord } from '../../datasources/log.ts'
import { hasCode } from '../../errors.ts'

/** Reads a topic bit by bit, each record once. */
export interface TopicReader {
  /**
   * Hands over what came since the last call, those of a partition in order, and resolves at the ends that the topic had at the beginning of the
   * call. A topic that is not there has nothing. Wait for one call before the next.
   *
   * Errors: those of the log; the next call goes on where this one failed.
   */
  read(onRecord: (record: LogRecord) => void, call?: Call): Promise<void>
  /** The next call begins as the first did. */
  rewind(): void
}

export interface TopicReaderOptions {
  log: Pick<Log, 'partitions' | 'offsets' | 'fetch'>
  topic: string
  /** How many records of a partition, counted from its end, the first call reads at most. */
  lookBackRecords: number
  /** Told when the topic is seen to have been removed, and made anew perhaps: what was read before is no more. */
  onNewTopic: () => void
}

const FETCH_BYTES = 1024 * 1024

export function createTopicReader({ log, topic, lookBackRecords, onNewTopic }: TopicReaderOptions): TopicReader {
  /** Where to go on, by partition; undefined until the topic was seen. */
  let positions: number[] | undefined

  async function read(onRecord: (record: LogRecord) => void, call: Call): Promise<void> {
    const partitions = Array.from({ length: await log.partitions(topic, call) }, (_, partition) => partition)
    const ranges = await log.offsets(topic, partitions, call)
    if (positions && (positions.length !== ranges.length || ranges.some(({ end }, at) => end < positions![at]!))) {
      onNewTopic()
      positions = undefined
    }
    const offsets = positions ?? ranges.map(({ end }) => Math.max(0, end - lookBackRecords))
    positions = offsets
    for (const [partition, { begin, end }] of ranges.entries()) {
      // What the log has given up meanwhile is passed over.
      offsets[partition] = Math.max(offsets[partition]!, begin)
      while (offsets[partition]! < end) {
        const from = { offset: offsets[partition]!, maxBytes: FETCH_BYTES, waitMillis: 0 }
        const { records, nextOffset } = await log.fetch(topic, partition, from, call)
        for (const record of records) onRecord(record)
        // A log in this process answers at once: without this a long past would keep everybody else waiting.
        await otherWork()
        // A partition that gives nothing before its end is asked again with the next call.
        if (nextOffset === offsets[partition]) break
        offsets[partition] = nextOffset
      }
    }
  }

  return {
    async read(onRecord, call = {}) {
      try {
        await read(onRecord, call)
      } catch (error) {
        if (hasCode(error, 'NOT_FOUND')) {
          if (positions) onNewTopic()
          positions = undefined
        } else if (!hasCode(error, 'DATA_LOST')) throw error
        // Given up by the log between two questions: the next call goes on behind it.
      }
    },
    rewind() {
      positions = undefined
    },
  }
}
