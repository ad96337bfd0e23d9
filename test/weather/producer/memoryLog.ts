import type { LogRecord, OutgoingRecord } from '../../../src/datasources/log.ts'
import { MillraceError } from '../../../src/errors.ts'
import type { ProducerLog } from '../../../src/weather/producer/producer.ts'
import type { VirtualTime } from './growingTable.ts'

/** What becomes of one send. */
export interface SendFate {
  /** Partitions whose records are not acknowledged; the send then fails. */
  lost: readonly number[]
  /** The lost ones arrive all the same, after so long. */
  arriveAfterMillis?: number
}

/** A log whose sends arrive, fail, or arrive in part and late. */
export interface MemoryLog extends ProducerLog {
  partition(number: number): LogRecord[]
  /** Drops the oldest records. */
  expire(partition: number, records: number): void
}

export function memoryLog(partitions: number, time: VirtualTime, fateOfSend: () => SendFate): MemoryLog {
  const topic: { begin: number; records: LogRecord[] }[] = Array.from({ length: partitions }, () => ({
    begin: 0,
    records: [],
  }))
  let exists = false

  function append(partition: number, records: readonly OutgoingRecord[]): void {
    const { begin, records: kept } = topic[partition]!
    for (const { key, value, headers = [] } of records) {
      kept.push({ offset: begin + kept.length, timestampMillis: time.nowMillis(), key, value, headers })
    }
  }

  return {
    partition: number => topic[number]!.records,
    expire(number, records) {
      topic[number]!.records.splice(0, records)
      topic[number]!.begin += records
    },
    async createTopic() {
      exists = true
    },
    async removeTopic() {
      exists = false
      for (const partition of topic) Object.assign(partition, { begin: 0, records: [] })
    },
    async offsets(_topic, numbers) {
      if (!exists) throw new MillraceError('NOT_FOUND', 'there is no such topic')
      return numbers.map(number => ({
        begin: topic[number]!.begin,
        end: topic[number]!.begin + topic[number]!.records.length,
      }))
    },
    async fetch(_topic, number, { offset }) {
      time.pass(1)
      const { begin, records } = topic[number]!
      const some = records.slice(offset - begin, offset - begin + 3)
      return { records: some, nextOffset: offset + some.length, endOffset: begin + records.length }
    },
    producer: () => ({
      async send(_topic, records, call) {
        call?.signal?.throwIfAborted()
        const { lost, arriveAfterMillis } = fateOfSend()
        for (const number of topic.keys()) {
          const own = records.filter(record => record.partition === number)
          if (!lost.includes(number)) append(number, own)
          else if (arriveAfterMillis !== undefined) {
            time.at(time.nowMillis() + arriveAfterMillis, () => append(number, own))
          }
        }
        time.pass(5)
        if (lost.length > 0) throw new MillraceError('UNAVAILABLE', 'the log is away')
      },
      close: async () => {},
    }),
  }
}
