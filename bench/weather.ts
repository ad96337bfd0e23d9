import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { runCommand } from '../harness/command.ts'
import { installPythonPackages } from '../harness/installPython.ts'
import { waitUntil } from '../harness/wait.ts'
import { partitionOfKey } from '../src/datasources/keyPartition.ts'
import { mysqlSource } from '../src/datasources/mysqlSource.ts'
import { STATIONS, stationDays } from '../src/weather/generator/stationDays.ts'
import { PARTITIONS } from '../src/weather/questions.ts'
import { TEMPERATURES } from '../src/weather/temperaturesTable.ts'
import type { Bench, Section } from './section.ts'
import { startServer } from './server.ts'
import { median, quantile } from './statistics.ts'
import { repeated, timed } from './timing.ts'
import { fillTopic, freshWeather, type MovedFile, type MovedTotal, startMover } from './weatherRun.ts'

const PEERS = join(import.meta.dirname, 'peers')
const MILLION = 1_000_000
/** The original's way takes minutes for what is there in seconds. */
const ROWS_OF_PEER = 100_000
const ROWS_PER_SECOND = 5_000
const INSERTS_PER_SECOND = 50
const STREAM_SECONDS = 60
const DAYS_OF_TEN_YEARS = 3_653
const QUESTIONS = 100
/** At the default delay, ten stations report each 0.1 s. */
const ROWS_OF_AN_HOUR = 360_000
const SECONDS_OF_AN_HOUR = 3_600

type Environment = Readonly<Record<string, string>>

/** Reports from the log to Parquet on HDFS: throughput, memory and lag, beside the original's way on the same broker. */
export const weather: Section = {
  name: 'weather',
  title: 'Weather: log to Parquet',
  repeats: 3,
  async measure(bench) {
    const { env } = await bench.cluster()
    const ours: MovedTotal[] = []
    const peers: PeerTotal[] = []
    const filled = freshWeather(env)
    bench.say(`  filling a topic with ${MILLION.toLocaleString('en')} reports`)
    await fillTopic(filled, MILLION)
    // In turn, so that a machine that is slow for a while is slow for both.
    for (let repeat = 0; repeat < bench.repeats; repeat++) {
      bench.say('  log to Parquet')
      ours.push(await moveAll(elsewhere(filled), MILLION))
      peers.push(await runPeer(elsewhere(filled), bench))
    }
    bench.say(`  lag at ${ROWS_PER_SECOND} rows a second`)
    const lags = await lagsOfStream(bench, freshWeather(env))
    bench.say("  an hour's files")
    const hour = await filesOfAnHour(bench)
    bench.say('  ten years of days')
    const windows = await askForWindows(freshWeather(env))

    const rate = (runs: readonly PeerTotal[], seconds: (run: PeerTotal) => number) =>
      median(runs.map(run => run.rows / seconds(run)))
    const cpu = ({ cpuSeconds }: PeerTotal) => cpuSeconds
    const wall = ({ seconds }: PeerTotal) => seconds
    const number = (value: number) => Math.round(value).toLocaleString('en')
    const times = (mine: number, other: number) => `${(mine / other).toFixed(1)}x`
    const seconds = (millis: number) => `${(millis / 1_000).toFixed(2)} s`
    return {
      text: `The sinks of all partitions in one process that collects garbage early, as \`millrace weather consume\` does and a server does not; HDFS with 2 replicas, default settings; processor seconds from when the programs are loaded until all rows are in files.
The original's way (bench/peers/weather_original.py): kafka-python, pandas, pyarrow over fsspec's WebHDFS, a file and a checkpoint per poll; it stores
${number(ROWS_OF_PEER)} of the rows. Lag: rows committed in MySQL ${INSERTS_PER_SECOND} times a second for ${STREAM_SECONDS} s, from commit to the file that has them being visible; each row counts. An
hour's files: as many rows and batches per partition as an hour at the default delay has, stored in a directory and merged meanwhile and at the end.`,
      heads: ['work', 'must', 'aim', 'Millrace', "the original's way", 'ratio'],
      rows: [
        ...(
          [
            ['rows a CPU-second', '100,000; 5x', '200,000; 10x', cpu],
            ['rows a second', '5x', '10x', wall],
          ] as const
        ).map(([what, must, aim, per]) => {
          const [mine, other] = [rate(ours, per), rate(peers, per)]
          return [`log to Parquet, ${what}`, must, aim, number(mine), number(other), times(mine, other)]
        }),
        [
          'peak resident memory, a million rows behind',
          '<= 300 MB',
          '200 MB',
          `${number(Math.max(...ours.map(run => run.peakResidentMb)))} MB`,
          '',
          '',
        ],
        [
          `lag at ${number(ROWS_PER_SECOND)} rows a second, p50 (p99)`,
          'p99 <= 3 s',
          '2 s',
          `${seconds(quantile(lags, 0.5))} (${seconds(quantile(lags, 0.99))})`,
          '',
          '',
        ],
        ["files per partition after an hour's rows", '<= 4', '', `${Math.max(...hour)}`, '', ''],
        [
          'temperatureWindows(YEAR) of ten years of days, p50 (p99)',
          '<= 50 ms',
          '20 ms',
          `${median(windows.again).toFixed(1)} ms (${quantile(windows.again, 0.99).toFixed(1)} ms); the first time ${windows.first.toFixed(0)} ms`,
          '',
          '',
        ],
      ],
    }
  },
}

/** The same topic into another folder. */
function elsewhere(filled: Environment): Record<string, string> {
  const url = filled.MILLRACE_STORAGE_URL!
  const { MILLRACE_STORAGE_URL } = freshWeather({ MILLRACE_STORAGE_URL: url.slice(0, url.lastIndexOf('/')) })
  return { ...filled, MILLRACE_STORAGE_URL: MILLRACE_STORAGE_URL! }
}

async function moveAll(env: Environment, rows: number): Promise<MovedTotal> {
  return await startMover(env, { produce: false, compact: false, rows }).ended()
}

interface PeerTotal {
  rows: number
  files: number
  seconds: number
  cpuSeconds: number
}

async function runPeer(env: Environment, { say }: Bench): Promise<PeerTotal> {
  const python = await installPythonPackages(join(PEERS, 'weather_requirements.txt'), say)
  say('  weather_original.py')
  const { MILLRACE_LOG_URL: log, MILLRACE_STORAGE_URL: storage, MILLRACE_WEATHER_TOPIC: topic } = env
  const args = [join(PEERS, 'weather_original.py'), log!, storage!, topic!, String(ROWS_OF_PEER)]
  const printed = await runCommand(python, args)
  return JSON.parse(printed.trim().split('\n').at(-1)!) as PeerTotal
}

/** Milliseconds from the commit of each row to the moment at which its file could be read. */
async function lagsOfStream({ say }: Bench, env: Environment): Promise<number[]> {
  const source = mysqlSource({ url: env.MILLRACE_SOURCE_URL! })
  await source.createTable(TEMPERATURES)
  await source.close()
  const connection = await createConnection(env.MILLRACE_SOURCE_URL!)
  await connection.query(`TRUNCATE TABLE ${TEMPERATURES.name}`)
  const mover = startMover(env, { produce: true, compact: true })
  const days = stationDays()
  let day = 0
  let rows = 0
  async function insert(count: number): Promise<void> {
    const reports = Array.from({ length: count }, () => days.reports(day++)).flat()
    const values = reports.map(({ stationId, date, degrees }) => [stationId, date, degrees])
    await connection.query(`INSERT INTO ${TEMPERATURES.name} (station_id, date, degrees) VALUES ?`, [values])
    rows += reports.length
  }
  const untilStored = () =>
    waitUntil(
      { description: `${rows} rows to be stored`, timeoutMillis: 120_000 },
      () => mover.files.reduce((sum, file) => sum + file.rows, 0) >= rows,
    )
  try {
    // It may take a while to start.
    await insert(1)
    await untilStored()
    const committed: Commit[] = []
    const startMillis = Date.now()
    for (let tick = 1; tick <= STREAM_SECONDS * INSERTS_PER_SECOND; tick++) {
      const firstId = rows + 1
      await insert(ROWS_PER_SECOND / INSERTS_PER_SECOND / 10)
      committed.push({ firstId, lastId: rows, atMillis: Date.now() })
      const dueMillis = startMillis + (tick * 1_000) / INSERTS_PER_SECOND
      await new Promise(resolve => setTimeout(resolve, Math.max(0, dueMillis - Date.now())))
    }
    const took = (Date.now() - startMillis) / 1_000
    if (took > STREAM_SECONDS * 1.05) say(`  the rows took ${took.toFixed(0)} s: the machine is too slow for the rate`)
    await untilStored()
    return lagsOf(committed, mover.files)
  } finally {
    days.close()
    await connection.end()
    await mover.stop()
  }
}

interface Commit {
  firstId: number
  lastId: number
  atMillis: number
}

function lagsOf(committed: readonly Commit[], files: readonly MovedFile[]): number[] {
  const own = Array.from({ length: PARTITIONS }, (_, number) => files.filter(file => file.partition === number))
  const places = own.map(() => 0)
  const partitionOf = STATIONS.map(station => partitionOfKey(Buffer.from(station), PARTITIONS))
  const lags: number[] = []
  for (const { firstId, lastId, atMillis } of committed) {
    for (let id = firstId; id <= lastId; id++) {
      const partition = partitionOf[(id - 1) % STATIONS.length]!
      // Ids of a partition ascend from file to file.
      while (own[partition]![places[partition]!]!.maxRowId < id) places[partition]! += 1
      lags.push(own[partition]![places[partition]!]!.atMillis - atMillis)
    }
  }
  return lags
}

/** How many files each partition has in the end. */
async function filesOfAnHour({ folder, cluster }: Bench): Promise<number[]> {
  const { env } = await cluster()
  const hour = freshWeather({ ...env, MILLRACE_STORAGE_URL: `file:${join(folder, 'hour')}` })
  await fillTopic(hour, ROWS_OF_AN_HOUR)
  const batchRows = String(ROWS_OF_AN_HOUR / SECONDS_OF_AN_HOUR / PARTITIONS)
  await startMover(
    { ...hour, MILLRACE_WEATHER_BATCH_ROWS: batchRows },
    {
      produce: false,
      compact: true,
      rows: ROWS_OF_AN_HOUR,
    },
  ).ended()
  const server = await startServer(hour)
  try {
    await server.ask('mutation { compactWeather { id } }')
    for (;;) {
      const { jobs } = await server.ask<{ jobs: { state: string; message: string }[] }>(
        '{ jobs(kind: COMPACT_WEATHER, first: 1) { state message } }',
      )
      const { state, message } = jobs[0]!
      if (state === 'SUCCEEDED') break
      if (state !== 'QUEUED' && state !== 'RUNNING') throw new Error(`the compaction ended as ${state}: ${message}`)
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    const { weatherBatchFiles } = await server.ask<{ weatherBatchFiles: { partition: number }[] }>(
      '{ weatherBatchFiles { partition } }',
    )
    return Array.from(
      { length: PARTITIONS },
      (_, own) => weatherBatchFiles.filter(file => file.partition === own).length,
    )
  } finally {
    await server.stop()
  }
}

/** Milliseconds of the question over HTTP: the first time, and then again. */
async function askForWindows(env: Environment): Promise<{ first: number; again: number[] }> {
  const rows = DAYS_OF_TEN_YEARS * 10
  await fillTopic(env, rows)
  await moveAll(env, rows)
  const server = await startServer(env)
  try {
    const ask = async () => {
      const { temperatureWindows } = await server.ask<{ temperatureWindows: { count: number }[] }>(
        '{ temperatureWindows(window: YEAR) { start end count min max mean } }',
      )
      const counted = temperatureWindows.reduce((sum, { count }) => sum + count, 0)
      if (counted !== rows) throw new Error(`expected windows of ${rows} rows, got ${counted}`)
    }
    const first = await timed(ask)
    return { first, again: await repeated(QUESTIONS, () => timed(ask)) }
  } finally {
    await server.stop()
  }
}
