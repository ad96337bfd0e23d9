import type { Call } from '../../datasources/call.ts'
import type { Log, LogRecord } from '../../datasources/log.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import type { Patiently } from './patience.ts'
import type { SinkSettings } from './settings.ts'

/** Records in order, and what is known beside them. */
export interface Portion {
  /** The offset asked for: before it nothing is left to read. */
  from: number
  records: LogRecord[]
  /** Where the portion ends; behind what is no record. */
  nextOffset: number
  endOffset: number
  /** Whether the log no longer has what lies between `from` and `nextOffset`. */
  lost: boolean
}

export interface LogReader {
  /** What the log gave last, once; undefined while it is awaited. Begins to ask for what comes next, so that at most one portion waits. */
  take(): Portion | undefined
  /** What stopped the reader for good, if anything did. */
  failure(): unknown
  close(): void
}

export interface LogReaderOptions {
  log: Log
  topic: string
  partition: number
  settings: Pick<SinkSettings, 'fetchBytes' | 'fetchWaitMillis'>
  patiently: Patiently
  signal: AbortSignal
  /** Called when take() or failure() has something. */
  onReady: () => void
}

/** A topic may be made later than its consumers, and a log that was cut short grows again: both are said, not ended with. */
const PASSING = ['UNAVAILABLE', 'NOT_FOUND', 'BAD_USER_INPUT', 'DATA_LOST'] as const

/** Reads a partition ahead from an offset, one portion at a time, through whatever failures pass. */
export function logReader(offset: number, options: LogReaderOptions): LogReader {
  const { log, topic, partition, settings, patiently, onReady } = options
  const ended = new AbortController()
  const end = () => ended.abort(options.signal.reason)
  options.signal.addEventListener('abort', end, { once: true })
  let closed = false
  let ready: Portion | undefined
  let failed: unknown
  void fetchFrom(offset)

  async function fetchFrom(from: number): Promise<void> {
    try {
      ready = await patiently('reading the log', PASSING, () => fetchOnce(from, { signal: ended.signal }))
    } catch (error) {
      failed = error
    }
    if (!closed) onReady()
  }

  async function fetchOnce(from: number, call: Call): Promise<Portion> {
    const { fetchBytes: maxBytes, fetchWaitMillis: waitMillis } = settings
    try {
      const fetched = await log.fetch(topic, partition, { offset: from, maxBytes, waitMillis }, call)
      return { from, ...fetched, lost: false }
    } catch (error) {
      if (!hasCode(error, 'DATA_LOST')) throw error
      const [kept] = await log.offsets(topic, [partition], call)
      if (!kept || kept.begin <= from) throw error
      return { from, records: [], nextOffset: kept.begin, endOffset: kept.end, lost: true }
    }
  }

  return {
    take() {
      const portion = ready
      ready = undefined
      if (portion) void fetchFrom(portion.nextOffset)
      return portion
    },
    failure: () => failed,
    close() {
      closed = true
      options.signal.removeEventListener('abort', end)
      ended.abort(new MillraceError('CANCELLED', 'nothing more is read from here'))
    },
  }
}
