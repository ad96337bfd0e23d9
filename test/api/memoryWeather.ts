import { MillraceError } from '../../src/errors.ts'
import { createBroadcast } from '../../src/jobs/broadcast.ts'
import { expanded } from '../../src/jobs/iterate.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import { checkPartition, checkRange } from '../../src/weather/questions.ts'
import type {
  Temperature,
  TemperatureQuestion,
  Weather,
  WeatherBatch,
  WindowQuestion,
} from '../../src/weather/weather.ts'

export interface MemoryWeather extends Weather {
  /** What was asked of temperatures and windows. */
  readonly asked: (TemperatureQuestion | WindowQuestion)[]
  /** Tells those who watch of a batch and of its rows. */
  tell(batch: WeatherBatch, rows: Temperature[]): void
  /** How many watch now. */
  readonly watchers: number
}

export const BATCH: WeatherBatch = {
  partition: 2,
  batch: 3,
  lastBatch: 5,
  path: '/data/partition-2-batch-3-to-5.parquet',
  rows: 2,
  length: 1_234,
  firstOffset: 40,
  lastOffset: 2 ** 33,
  writtenAt: new Date('2026-11-21T06:00:00Z'),
}

export const ROWS: Temperature[] = [
  { stationId: 'StationI', date: '2000-01-01', degrees: 5 },
  { stationId: 'StationJ', date: '2000-01-01', degrees: 0 },
]

/** Knows one batch of two rows, and what it was asked. */
export function memoryWeather(jobs: Jobs): MemoryWeather {
  const asked: MemoryWeather['asked'] = []
  const batches = createBroadcast<WeatherBatch>({ keep: 10 })
  const temperatures = createBroadcast<Temperature>({ keep: 10 })
  let stopping: AbortController | undefined
  return {
    asked,
    tell(batch, rows) {
      batches.publish(batch)
      for (const row of rows) temperatures.publish(row)
    },
    get watchers() {
      return batches.readers + temperatures.readers
    },
    async start({ generate }) {
      const stop = new AbortController()
      const { id } = jobs.start('WEATHER', async ({ signal, say }) => {
        say(generate ? 'Generating and moving rows.' : 'Moving rows.')
        const ended = Promise.withResolvers<void>()
        stop.signal.addEventListener('abort', () => ended.resolve())
        signal.addEventListener('abort', () => ended.reject(signal.reason as Error))
        await ended.promise
        return 'Moved 0 rows.'
      })
      stopping = stop
      for await (const job of jobs.watch(id)) if (job.state !== 'QUEUED') return job
      return jobs.get(id)
    },
    async stop() {
      const [job] = jobs.list({ kind: 'WEATHER', state: 'RUNNING', first: 1 })
      if (!job) throw new MillraceError('CONFLICT', 'No WEATHER job runs.', { hint: 'startWeather starts one.' })
      stopping?.abort()
      return jobs.finished(job.id)
    },
    async compact(partition) {
      if (partition !== undefined) checkPartition(partition)
      return jobs.start('COMPACT_WEATHER', async () => 'Merged 3 files into 1.')
    },
    partitions: async () => [
      {
        partition: 2,
        nextOffset: BATCH.lastOffset + 1,
        endOffset: BATCH.lastOffset + 11,
        lag: 10,
        nextBatch: 6,
        rows: 2,
        doubles: 1,
        deadLetters: 0,
        warning: null,
      },
    ],
    async batchFiles(partition) {
      if (partition !== undefined) checkPartition(partition)
      return partition === undefined || partition === BATCH.partition ? [BATCH] : []
    },
    async temperatures(question) {
      checkRange(question)
      asked.push(question)
      return { nodes: ROWS, endCursor: 'cursor', hasNextPage: false }
    },
    async windows(question) {
      checkRange(question)
      asked.push(question)
      const { stationId = null } = question
      return [{ start: '2000-01-01', end: '2000-01-31', stationId, count: 31, min: -1.5, max: 40, mean: 30.25 }]
    },
    verify: async () => ({
      ok: false,
      sourceRows: 3,
      storedRows: 2,
      missing: 1,
      duplicated: 0,
      firstProblem: 'Row 3 is in no file.',
    }),
    watchBatches: () => batches.read(),
    watchTemperatures(stationId) {
      checkRange({ stationId })
      return expanded(temperatures.read(), row => (stationId === undefined || row.stationId === stationId ? [row] : []))
    },
  }
}
