import { expect, test } from 'vitest'
import { systemClock } from '../../src/datasources/clock.ts'
import { MillraceError } from '../../src/errors.ts'
import { createJobs } from '../../src/jobs/createJobs.ts'
import { type MoveWeatherOptions, moveWeather } from '../../src/weather/moveWeather.ts'
import type { SinkState } from '../../src/weather/sink/sink.ts'
import type { WrittenBatch } from '../../src/weather/sink/writeBatch.ts'

const PARTITIONS = 2

/** Parts that do what the test says, and write down when they begin and end. */
function stage(changes: Partial<MoveWeatherOptions> = {}) {
  const happened: string[] = []
  const ends = [0, 0]
  const stored = [0, 0]
  const write: ((rows: number) => void)[] = []
  let sentThrough = 9
  const stop = new AbortController()
  const part = (name: string) => ({
    name,
    run: async (signal: AbortSignal) => {
      happened.push(`${name} begins`)
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      happened.push(`${name} ends`)
    },
  })
  const options: MoveWeatherOptions = {
    generator: { ...part('generator'), trouble: () => null },
    producer: { ...part('producer'), lastRowId: () => sentThrough, trouble: () => null },
    compaction: part('compaction'),
    partitions: PARTITIONS,
    lastRowId: async () => 9,
    endOffsets: async () => [...ends],
    openSink(partition, onBatch) {
      write[partition] = rows => {
        stored[partition]! += rows
        onBatch({ meta: { rows }, file: { length: rows * 10 } } as WrittenBatch)
      }
      return {
        run: part(`sink ${partition}`).run,
        state: () =>
          ({
            nextOffset: stored[partition]!,
            lag: Math.max(0, ends[partition]! - stored[partition]!),
            trouble: null,
            warnings: [],
          }) as unknown as SinkState,
      }
    },
    stop: stop.signal,
    clock: systemClock,
    note: () => {},
    ...changes,
  }
  const jobs = createJobs({ file: ':memory:' })
  const { id } = jobs.start('WEATHER', control => moveWeather(options, control))
  return {
    jobs,
    id,
    happened,
    ends,
    write,
    stop: () => stop.abort(),
    fallBehind: () => (sentThrough = 8),
    catchUp: () => (sentThrough = 9),
    running: () => expect.poll(() => happened.filter(line => line.endsWith('begins')).length).toBeGreaterThanOrEqual(5),
  }
}

test('all parts run side by side, and the job tells how many rows are in files and how many records wait', async () => {
  const { jobs, id, running, write, ends, happened, stop } = stage()
  await running()
  ends[0] = 5
  write[0]!(3)
  await expect
    .poll(() => jobs.get(id), { timeout: 5_000 })
    .toMatchObject({
      progress: { done: 3, unit: 'rows', bytes: 30, total: null },
      message: 'Simulated stations feed the source. 2 records in the log to be stored.',
    })
  write[0]!(2)
  stop()
  expect(await jobs.finished(id)).toMatchObject({
    state: 'SUCCEEDED',
    message: 'Moved 5 rows into 2 files.',
    progress: { done: 5 },
  })
  expect(happened.filter(line => line.endsWith('ends'))).toHaveLength(5)
})

test('when it is stopped, the generator ends first, the producer when it has caught up, the sinks when all is stored', async () => {
  const { jobs, id, running, write, ends, happened, stop, fallBehind, catchUp } = stage()
  await running()
  fallBehind()
  stop()
  await expect.poll(() => happened.filter(line => line.endsWith('ends'))).toEqual(['generator ends'])
  ends[1] = 4
  catchUp()
  await expect.poll(() => happened.at(-1)).toBe('producer ends')
  write[1]!(4)
  expect(await jobs.finished(id)).toMatchObject({ state: 'SUCCEEDED', message: 'Moved 4 rows into 1 file.' })
})

test('cancelling ends all at once, with what is stored then', async () => {
  const { jobs, id, running, fallBehind, ends, happened } = stage()
  await running()
  fallBehind()
  ends[0] = 7
  expect(await jobs.cancel(id)).toMatchObject({ state: 'CANCELLED' })
  expect(happened.filter(line => line.endsWith('ends'))).toHaveLength(5)
})

test('what does not arrive in time is left for the next start, and the job says so', async () => {
  const clock = { ...systemClock, deadline: () => AbortSignal.timeout(50) }
  const { jobs, id, running, ends, stop } = stage({ clock })
  await running()
  ends[0] = 1
  stop()
  expect((await jobs.finished(id)).message).toBe(
    'Moved 0 rows into 0 files. 1 record in the log is left for the next start.',
  )
})

test('a part that fails is told of in the message, and the others go on', async () => {
  let runs = 0
  const producer = {
    name: 'The producer',
    lastRowId: () => 9,
    trouble: () => null,
    async run() {
      runs += 1
      throw new MillraceError('UNAVAILABLE', 'The database does not answer.')
    },
  }
  const { jobs, id, happened, write, stop } = stage({ producer, generator: undefined })
  await expect.poll(() => runs).toBeGreaterThan(1)
  await expect.poll(() => write.length).toBe(PARTITIONS)
  write[0]!(1)
  await expect
    .poll(() => jobs.get(id), { timeout: 5_000 })
    .toMatchObject({
      progress: { done: 1 },
      message: '0 records in the log to be stored. The producer: The database does not answer.',
    })
  expect(happened.filter(line => line.endsWith('ends'))).toEqual([])
  stop()
  expect(await jobs.finished(id)).toMatchObject({ state: 'SUCCEEDED' })
})
