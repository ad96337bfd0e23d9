import type { Fetched, Log, LogRecord } from '../../../src/datasources/log.ts'
import { MillraceError } from '../../../src/errors.ts'
import { NO_ROW_ID } from '../../../src/weather/sink/batchCodec.ts'
import type { Decode } from '../../../src/weather/sink/openBatch.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** One partition of a log on its broker. Some offsets hold no record. */
export interface PartitionLog {
  records: LogRecord[]
  begin(): number
  end(): number
  /** What a sound producer does: rows in the order of their ids, and after a failure some of the last ones again. Rarely something else comes in between. */
  produce(): void
  /** Records with these values; '' for none. */
  send(...values: string[]): void
  /** Drops the oldest records. */
  expire(to: number): void
  /** Asks to be called when there is more. */
  onMore(offset: number, tell: () => void): () => void
}

const UNDECODABLE = '?'

/** The value of the record of a row; no two rows are alike. */
export function rowText(id: number): string {
  return `${id} Station${id % 10} 2000-01-${10 + (id % 10)} ${id / 4}`
}

export function createPartitionLog(scheduler: Scheduler, random: Random): PartitionLog {
  const records: LogRecord[] = []
  const sent: number[] = []
  const waiting = new Set<() => void>()
  let begin = 0
  let end = 0
  let lastId = 0
  let foreign = 0

  function append(text: string): void {
    const value = text === '' ? null : Buffer.from(text)
    records.push({ offset: end++, timestampMillis: scheduler.nowMillis(), key: null, value, headers: [] })
  }

  function tellAll(): void {
    for (const tell of waiting) tell()
  }

  return {
    records,
    begin: () => begin,
    end: () => end,
    produce() {
      if (sent.length > 0 && random.chance(0.15)) {
        for (const id of sent.slice(-random.whole(1, 12))) append(rowText(id))
      }
      const rows = random.chance(0.1) ? random.whole(8, 30) : random.whole(0, 5)
      for (let index = 0; index < rows; index += 1) {
        if (random.chance(0.03)) end += random.whole(1, 3)
        lastId += random.chance(0.3) ? random.whole(2, 9) : 1
        sent.push(lastId)
        append(rowText(lastId))
        if (random.chance(0.02)) append(random.chance(0.3) ? '' : UNDECODABLE)
        if (random.chance(0.01)) append(`${NO_ROW_ID} Foreign 2000-01-01 ${++foreign}`)
      }
      tellAll()
    },
    send(...values) {
      for (const value of values) append(value)
      tellAll()
    },
    expire(to) {
      begin = Math.min(Math.max(begin, to), end)
      while (records[0] && records[0].offset < begin) records.shift()
    },
    onMore(offset, tell) {
      const told = () => {
        if (end > offset) tell()
      }
      waiting.add(told)
      return () => waiting.delete(told)
    },
  }
}

export const decodeText: Decode = ({ value }) => {
  if (value === null) return { problem: 'there is no value' }
  const text = Buffer.from(value).toString()
  if (text === UNDECODABLE) return { problem: 'it is a question' }
  const [id, stationId, date, degrees] = text.split(' ')
  return { stationId: stationId!, date: date!, degrees: Number(degrees), rowId: Number(id) }
}

/** The log as one process sees it. `fetches` tells how many of its fetches are under way. */
export function hostLog(log: PartitionLog, host: Host, fetches: { now: number; most: number }): Log {
  async function fetch(offset: number, maxBytes: number, waitMillis: number, signal?: AbortSignal): Promise<Fetched> {
    fetches.most = Math.max(fetches.most, ++fetches.now)
    try {
      await host.request(`fetch ${offset}`, () => kept(offset), signal)
      if (offset === log.end()) {
        await host.wait<void>(settle => {
          const forget = log.onMore(offset, () => settleOnce())
          const settleOnce = () => {
            forget()
            settle()
          }
          void host.clock.pause(waitMillis, signal).then(settleOnce, forget)
          return forget
        }, signal)
      }
      return await host.request(`fetched ${offset}`, () => recordsFrom(offset, maxBytes), signal)
    } finally {
      fetches.now -= 1
    }
  }

  function kept(offset: number): void {
    if (offset < log.begin()) throw new MillraceError('DATA_LOST', `the log begins at ${log.begin()}, after ${offset}`)
    if (offset > log.end()) throw new MillraceError('BAD_USER_INPUT', `the log ends at ${log.end()}, before ${offset}`)
  }

  function recordsFrom(offset: number, maxBytes: number): Fetched {
    kept(offset)
    const records: LogRecord[] = []
    let bytes = 0
    for (const record of log.records) {
      if (record.offset < offset) continue
      if (records.length > 0 && bytes >= maxBytes) break
      bytes += record.value?.length ?? 0
      records.push(record)
    }
    const last = records.at(-1)
    const isAll = last === undefined || last === log.records.at(-1)
    return { records, nextOffset: isAll ? log.end() : last.offset + 1, endOffset: log.end() }
  }

  return {
    kind: 'kafka',
    url: 'kafka://simulated',
    createTopic: unused,
    removeTopic: unused,
    trim: unused,
    partitions: unused,
    offsets: (_topic, partitions, { signal } = {}) =>
      host.request('offsets', () => partitions.map(() => ({ begin: log.begin(), end: log.end() })), signal),
    fetch: (_topic, _partition, { offset, maxBytes, waitMillis }, { signal } = {}) =>
      fetch(offset, maxBytes, waitMillis, signal),
    group: unused,
    producer: unused,
    ping: unused,
    close: async () => {},
  }
}

function unused(): never {
  throw new Error('the sink does not ask this')
}
