import { abortable } from '../datasources/abortable.ts'
import type { Clock } from '../datasources/clock.ts'
import type { Log, LogRecord } from '../datasources/log.ts'
import { hasCode } from '../errors.ts'

export interface TopicTailOptions {
  log: Log
  topic: string
  clock: Clock
  /** Ends the reading, and the function resolves. */
  signal: AbortSignal
  /** Told of each record, those of a partition in order; records wait while it is busy. */
  onRecord: (partition: number, record: LogRecord) => void | Promise<void>
  /** Told where the log does not answer, once for each spell of it; the reading goes on. */
  onTrouble: (problem: string) => void
}

const FETCH_BYTES = 1024 * 1024
const FETCH_WAIT_MILLIS = 1_000
const PAUSE_MILLIS = 500

/**
 * Reads what is sent to a topic from now on, in all partitions, until the signal. A topic that is not there yet is waited for and then
 * read from its beginning, as is one that was removed and made again.
 */
export async function topicTail(options: TopicTailOptions): Promise<void> {
  const { log, topic, clock, signal, onTrouble } = options
  let troubled = false
  /** Whether records that are there already are to be passed over. */
  let skipOld = true

  /** Tries until it can be done; undefined once the signal has ended it. */
  async function patiently<T>(step: () => Promise<T>): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        const result = await step()
        troubled = false
        return result
      } catch (error) {
        if (signal.aborted) return undefined
        if (hasCode(error, 'NOT_FOUND')) skipOld = false
        else if (!hasCode(error, 'UNAVAILABLE')) throw error
        else if (!troubled) {
          troubled = true
          onTrouble(error.message)
        }
        await clock.pause(PAUSE_MILLIS, signal).catch(() => {})
      }
    }
    return undefined
  }

  async function start(): Promise<number[]> {
    const numbers = Array.from({ length: await log.partitions(topic, { signal }) }, (_, partition) => partition)
    const ranges = await log.offsets(topic, numbers, { signal })
    return ranges.map(({ begin, end }) => (skipOld ? end : begin))
  }

  async function beginning(partition: number): Promise<number> {
    const [range] = await log.offsets(topic, [partition], { signal })
    return range!.begin
  }

  async function readPartition(partition: number, from: number): Promise<void> {
    let offset: number | undefined = from
    while (offset !== undefined && !signal.aborted) {
      const at: number = offset
      offset = await patiently(async () => {
        try {
          const wanted = { offset: at, maxBytes: FETCH_BYTES, waitMillis: FETCH_WAIT_MILLIS }
          const { records, nextOffset } = await log.fetch(topic, partition, wanted, { signal })
          for (const record of records) await abortable(Promise.resolve(options.onRecord(partition, record)), signal)
          return nextOffset
        } catch (error) {
          // Records that were dropped meanwhile, or a topic that was made again.
          if (hasCode(error, 'DATA_LOST', 'BAD_USER_INPUT')) return beginning(partition)
          throw error
        }
      })
    }
  }

  const starts = await patiently(start)
  await Promise.all((starts ?? []).map((offset, partition) => readPartition(partition, offset)))
}
