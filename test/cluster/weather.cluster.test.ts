import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import { readWithPyArrow } from '../setup/pyarrow.ts'
import type { RunningProcess } from '../setup/runningProcess.ts'
import { openWeatherCommands, type WeatherCommands } from '../setup/weatherCommands.ts'

const DAYS = 60
const ROWS = DAYS * 10

interface Partition {
  rows: number
  lag: number
  nextBatch: number
}

/** As in the original: four programs, each by itself, on a real database, a real Kafka and a real HDFS. */
describe('generate, produce, consume and debug, each in its own process', () => {
  let weather: WeatherCommands
  let producer: RunningProcess
  let debug: RunningProcess
  let consumers: RunningProcess[]
  beforeAll(async () => {
    weather = await openWeatherCommands(inject('cluster').env, {
      AUTOGRADER_DELAY_OVERRIDE_VAL: '0.05',
      // Several files for each partition, also where all rows come at once.
      MILLRACE_WEATHER_BATCH_ROWS: '20',
      MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.5',
    })
    debug = weather.start('debug')
    consumers = [0, 1, 2, 3].map(partition => weather.start('consume', String(partition)))
    producer = weather.start('produce', '--recreate-topic')
    await waitUntil(
      { description: 'four consumers to own their partitions', timeoutMillis: 60_000 },
      async () => (await weather.storage.list('/checkpoints/owners')).length === 4,
    )
  })
  afterAll(() => weather.close())

  async function partitions(): Promise<Partition[]> {
    const { stdout } = await weather.run('partitions', '--json')
    return JSON.parse(stdout) as Partition[]
  }

  const total = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0)

  test('the generator makes its days and ends', async () => {
    const { code, stdout } = await weather.run('generate', '--days', String(DAYS))
    expect(stdout).toBe(`Added ${ROWS} rows; the last whole day is 2000-02-29.\n`)
    expect(code).toBe(0)
    const [rows] = await weather.database.connection.query(
      'SELECT COUNT(*) AS count, MAX(id) AS last FROM temperatures',
    )
    expect(rows).toEqual([{ count: ROWS, last: ROWS }])
  })

  test('all rows become files, and every partition has some', async () => {
    await expect
      .poll(async () => total((await partitions()).map(({ rows }) => rows)), { timeout: 60_000, interval: 500 })
      .toBe(ROWS)
    const all = await partitions()
    expect(all).toHaveLength(4)
    for (const { rows, lag, nextBatch } of all) {
      expect(rows).toBeGreaterThan(0)
      expect(nextBatch).toBeGreaterThan(0)
      expect(lag).toBe(0)
    }
  })

  test('debug has printed a JSON object a line, each row once, and nothing else', async () => {
    await expect.poll(() => debug.stdout().split('\n').length, { timeout: 20_000 }).toBe(ROWS + 1)
    const seen = new Set<string>()
    for (const line of debug.stdout().trimEnd().split('\n')) {
      const report = JSON.parse(line) as Record<string, unknown>
      expect(Object.keys(report)).toEqual(['station_id', 'date', 'degrees', 'partition'])
      seen.add(`${String(report.station_id)} ${String(report.date)}`)
    }
    expect(seen.size).toBe(ROWS)
  })

  test('the files on HDFS are as PyArrow wants them: three columns, and the sums of StationI and StationJ', async () => {
    const paths = (await weather.storage.list('/data')).map(({ path }) => path)
    expect(paths.every(path => /^\/data\/partition-[0-3]-batch-\d+\.parquet$/.test(path))).toBe(true)
    const { columns, rows, stations, first, last } = await readWithPyArrow(weather.storage, paths)
    for (const names of columns) expect(names).toEqual(['station_id string', 'date string', 'degrees double'])
    expect(total(rows)).toBe(ROWS)
    expect(stations.StationI).toEqual({ rows: DAYS, degrees: 5 * DAYS })
    expect(stations.StationJ).toEqual({ rows: DAYS, degrees: (DAYS / 10) * 45 })
    expect([first, last]).toEqual(['2000-01-01', '2000-02-29'])
  })

  test('verify proves it, and compact changes nothing about that', async () => {
    const proof = `${ROWS} rows in the source, ${ROWS} in the files: 0 missing, 0 doubled.\n`
    expect(await weather.run('verify')).toEqual({ code: 0, stdout: proof })
    const { code, stdout } = await weather.run('compact')
    expect(stdout).toMatch(/^Merged \d+ files with 600 rows into 4\.\n$/)
    expect(code).toBe(0)
    expect(await weather.run('verify')).toEqual({ code: 0, stdout: proof })
  })

  test('Ctrl-C ends each of them with 0, and no row is left behind in memory', async () => {
    for (const { child } of [producer, debug, ...consumers]) child.kill('SIGINT')
    expect(await Promise.all([producer, debug, ...consumers].map(({ ended }) => ended))).toEqual([0, 0, 0, 0, 0, 0])
    expect(producer.stdout()).toBe(
      `Sent ${ROWS} records to topic ${weather.topic}; every row up to ${ROWS} is in it.\n`,
    )
    for (const [partition, consumer] of consumers.entries()) {
      expect(consumer.stdout()).toMatch(
        new RegExp(`\nPartition ${partition}: wrote \\d+ rows to \\d+ files?; batch \\d+ begins`),
      )
    }
  })

  test('started again, the stream goes on where it ended', async () => {
    consumers = [0, 1, 2, 3].map(partition => weather.start('consume', String(partition)))
    producer = weather.start('produce')
    await producer.shows('Sends the row after')
    await weather.run('generate', '--days', String(DAYS + 1))
    await expect
      .poll(async () => total((await partitions()).map(({ rows }) => rows)), { timeout: 60_000, interval: 500 })
      .toBe(ROWS + 10)
    expect((await weather.run('verify')).code).toBe(0)
  })
})
