import type { Clock } from '../datasources/clock.ts'
import type { JobControl } from '../jobs/job.ts'
import type { Sink, SinkOptions } from './sink/sink.ts'
import { type Part, type Supervised, supervise } from './supervise.ts'
import { counted, sentence } from './words.ts'

export interface MoveWeatherOptions {
  /** Simulated stations; undefined where others feed the source. */
  generator: WaitingPart | undefined
  producer: WaitingPart & {
    /** Every row up to this id is in the log. */
    lastRowId(): number
  }
  /** The largest id of a row in the source, now. */
  lastRowId: (signal: AbortSignal) => Promise<number>
  /** A new sink for a partition, since each runs once. */
  openSink: (partition: number, onBatch: NonNullable<SinkOptions['onBatch']>) => Sink
  partitions: number
  /** Of each partition of the log, now. */
  endOffsets: (signal: AbortSignal) => Promise<number[]>
  /** Merges small files now and then. */
  compaction: Part
  /** Ends the work in good order; the job's own signal ends it at once. */
  stop: AbortSignal
  clock: Clock
  /** Told of what a user does not see but an operator may want to. */
  note: (message: string, details: object) => void
}

/** A part that waits out what can heal by itself. */
export interface WaitingPart extends Part {
  /** What it waits for, in half a sentence; null while all is well. */
  trouble(): string | null
}

/** How often the job's progress and message are renewed. */
const TELL_MILLIS = 250
/** How long rows on their way may take to arrive when the work is stopped. */
const DRAIN_MILLIS = 10_000

/**
 * Moves rows until it is told to stop; then the generator ends first, and the others when what is under way has arrived or time is up. A part that
 * fails is run again, and the job says so meanwhile.
 * @returns what was done, in a sentence.
 */
export async function moveWeather(options: MoveWeatherOptions, control: JobControl): Promise<string> {
  const { clock, stop, producer } = options
  const { signal } = control
  const moved = { rows: 0, files: 0, bytes: 0 }
  const run = (part: Part): Supervised => supervise(part, options)
  const sinks = Array.from({ length: options.partitions }, (_, partition) =>
    sinkPart(partition, () =>
      options.openSink(partition, ({ meta, file }) => {
        moved.rows += meta.rows
        moved.files += 1
        moved.bytes += file.length
      }),
    ),
  )
  const generating = options.generator && run(options.generator)
  const producing = run(producer)
  const storing = sinks.map(run)
  const compacting = run(options.compaction)
  const parts = [...(generating ? [generating] : []), producing, ...storing, compacting]

  const lag = () => sinks.reduce((sum, { state }) => sum + (state()?.lag ?? 0), 0)
  const told = new AbortController()
  const telling = tell()

  async function tell(): Promise<void> {
    while (!told.signal.aborted) {
      control.report({ done: moved.rows, bytes: moved.bytes })
      const troubles = [
        ...parts.map(part => part.trouble()),
        ...[options.generator, producer].map(part => (part ? waitingOf(part) : null)),
        ...sinks.map(sink => sink.trouble()),
      ]
      const feeding = generating ? ['Simulated stations feed the source.'] : []
      control.say(
        [
          ...feeding,
          `${counted(lag(), 'record')} in the log to be stored.`,
          ...troubles.filter(trouble => trouble !== null),
        ].join(' '),
      )
      await clock.pause(TELL_MILLIS, told.signal).catch(() => {})
    }
  }

  async function endInOrder(): Promise<void> {
    await generating?.stop()
    const deadline = AbortSignal.any([signal, clock.deadline(DRAIN_MILLIS)])
    const last = await options.lastRowId(deadline).catch(() => 0)
    await until(() => producer.lastRowId() >= last, deadline)
    await producing.stop()
    const ends = await options.endOffsets(deadline).catch(() => [])
    await until(() => ends.every((end, partition) => (sinks[partition]?.state()?.nextOffset ?? end) >= end), deadline)
  }

  async function until(isSo: () => boolean, deadline: AbortSignal): Promise<void> {
    while (!deadline.aborted && !isSo()) await clock.pause(20, deadline).catch(() => {})
  }

  control.report({ unit: 'rows', done: 0 })
  try {
    await aborted(AbortSignal.any([signal, stop]))
    if (!signal.aborted) await endInOrder()
  } finally {
    await Promise.all(parts.map(part => part.stop()))
    told.abort()
    await telling
  }
  control.report({ done: moved.rows, bytes: moved.bytes })
  signal.throwIfAborted()
  const left = lag()
  const rest =
    left > 0 ? ` ${counted(left, 'record')} in the log ${left === 1 ? 'is' : 'are'} left for the next start.` : ''
  return `Moved ${counted(moved.rows, 'row')} into ${counted(moved.files, 'file')}.${rest}`
}

function waitingOf(part: WaitingPart): string | null {
  const trouble = part.trouble()
  return trouble === null ? null : sentence(`${part.name} waits: ${trouble}`)
}

/** A partition's sink; a new one each time it is run. */
function sinkPart(partition: number, open: () => Sink) {
  const name = `Partition ${partition}`
  let sink: Sink | undefined
  return {
    name,
    givesWay: true,
    async run(signal: AbortSignal): Promise<void> {
      sink = open()
      await sink.run(signal)
    },
    state: () => sink?.state(),
    trouble(): string | null {
      const { trouble = null, warnings = [] } = sink?.state() ?? {}
      const all = [...(trouble === null ? [] : [sentence(`It waits: ${trouble}`)]), ...warnings]
      return all.length === 0 ? null : `${name}: ${all.join(' ')}`
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
