import type { Call } from '../../datasources/call.ts'
import { systemClock } from '../../datasources/clock.ts'
import { partitionOfKey } from '../../datasources/keyPartition.ts'
import type { LogProducer, OutgoingRecord } from '../../datasources/log.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import { encodeReport } from '../report.ts'
import { completeThroughHeader, rowIdHeaders } from '../rowIdHeaders.ts'
import { TEMPERATURES } from '../temperaturesTable.ts'
import { PRODUCER_DEFAULTS, type Producer, type ProducerOptions, type ProducerState } from './producer.ts'
import { type ResumePoint, resumePoint } from './resume.ts'
import { type RowReader, rowReader, type SourceRow } from './rowReader.ts'

/** How often the largest id is asked for while there is more than a batch to send. */
const LAG_EVERY_MILLIS = 1_000

/** See docs/exactly-once.md for the protocol and why each step is there. */
export function createProducer(options: ProducerOptions): Producer {
  const { source, log, topic, clock = systemClock, onStep = () => {} } = options
  const settings = { ...PRODUCER_DEFAULTS, ...options.settings }
  const state: ProducerState = {
    phase: 'starting',
    lastRowId: 0,
    sent: 0,
    lag: 0,
    caughtUp: false,
    trouble: null,
  }
  let recreate = settings.recreateTopic
  let largestId = 0
  let lagKnownAt = Number.NEGATIVE_INFINITY
  const rows = rowReader({
    source,
    clock,
    blindWaitMillis: settings.blindWaitMillis,
    onGap,
    onWait: transactions => {
      const which =
        transactions === undefined
          ? 'any transaction that may have taken it, for the source does not show them'
          : `${transactions} open ${transactions === 1 ? 'transaction' : 'transactions'}, one of which may have taken it`
      state.trouble = `row ${state.lastRowId + 1} is not there, but later ones are: waiting for ${which}`
    },
  })

  async function run(signal: AbortSignal): Promise<void> {
    let failures = 0
    const onProgress = () => {
      failures = 0
      state.trouble = null
      state.phase = 'running'
    }
    try {
      while (!signal.aborted) {
        try {
          await sendOn(onProgress, { signal })
        } catch (error) {
          if (signal.aborted) return
          state.caughtUp = false
          state.phase = 'waiting'
          if (!hasCode(error, 'UNAVAILABLE', 'NOT_FOUND')) throw error
          state.trouble = error.message
          const pauseMillis = Math.min(settings.firstPauseMillis * 2 ** failures++, settings.mostPauseMillis)
          await clock.pause(pauseMillis, signal).catch(() => {})
        }
      }
    } finally {
      state.phase = 'stopped'
      state.caughtUp = false
    }
  }

  /** From the log's own end, until something fails. */
  async function sendOn(onProgress: () => void, call: Call): Promise<void> {
    await makeTopic(call)
    const resumed = await resumePoint(log, topic, settings.partitions, call)
    await checkBelongs(resumed, rows, topic, call)
    state.lastRowId = resumed.completeThrough
    await onStep('resumed')
    const sender = log.producer()
    try {
      for (;;) {
        call.signal?.throwIfAborted()
        const some = await rows.after(state.lastRowId, settings.batchRows, call)
        if (some.length > 0) await send(sender, some, resumed, call)
        onProgress()
        await noteLag(some.length, call)
        if (some.length < settings.batchRows) await clock.pause(settings.pollMillis, call.signal)
      }
    } finally {
      await sender.close()
    }
  }

  async function makeTopic(call: Call): Promise<void> {
    if (recreate) {
      await log.removeTopic(topic, call)
      await onStep('topic removed')
    }
    const { partitions, replication } = settings
    await log.createTopic(topic, { partitions, replication }, call)
    recreate = false
    await onStep('topic made')
  }

  async function send(sender: LogProducer, some: readonly SourceRow[], resumed: ResumePoint, call: Call) {
    await onStep('rows read')
    state.caughtUp = false
    largestId = Math.max(largestId, some.at(-1)!.id)
    state.lag = largestId - state.lastRowId
    const records = recordsOf(some, state.lastRowId, resumed)
    await onStep('before send')
    await sender.send(topic, records, call)
    await onStep('sent')
    state.lastRowId = some.at(-1)!.id
    state.sent += records.length
  }

  async function noteLag(rowsRead: number, call: Call): Promise<void> {
    const isMore = rowsRead === settings.batchRows
    if (isMore && clock.nowMillis() - lagKnownAt >= LAG_EVERY_MILLIS) {
      largestId = await rows.largestId(call)
      lagKnownAt = clock.nowMillis()
    }
    if (!isMore) largestId = state.lastRowId
    state.lag = Math.max(0, largestId - state.lastRowId)
    state.caughtUp = rowsRead === 0
  }

  async function onGap(gap: { afterId: number; largestId: number } | undefined): Promise<void> {
    if (gap) {
      state.caughtUp = false
      state.phase = 'waiting'
      largestId = gap.largestId
      state.lag = gap.largestId - gap.afterId
    } else {
      state.trouble = null
    }
    await onStep(gap ? 'gap seen' : 'gap passed')
  }

  return { run, state: () => ({ ...state }) }
}

/** Rows as records, but for those that are in the log already: of a send that was acknowledged in part. */
function recordsOf(rows: readonly SourceRow[], completeThrough: number, { lastRowIds }: ResumePoint): OutgoingRecord[] {
  const complete = completeThroughHeader(completeThrough)
  return rows.flatMap(row => {
    const key = Buffer.from(row.stationId)
    const partition = partitionOfKey(key, lastRowIds.length)
    if (row.id <= lastRowIds[partition]!) return []
    return { key, value: encodeReport(row), headers: rowIdHeaders(row.id, complete), partition }
  })
}

/** CONFLICT where the log has rows that the table never had: then the table's next ids would mean other rows than those in the log. */
async function checkBelongs({ completeThrough }: ResumePoint, rows: RowReader, topic: string, call: Call) {
  const largest = await rows.largestId(call)
  if (largest >= completeThrough) return
  throw new MillraceError(
    'CONFLICT',
    `Expected row ${completeThrough} of table "${TEMPERATURES.name}", which the topic "${topic}" has, but the last one in the source is ${largest}.`,
    {
      hint: 'The table was made anew: let the topic be made anew too, with --recreate-topic, and give the files another storage folder.',
    },
  )
}
