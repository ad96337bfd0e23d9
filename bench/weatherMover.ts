import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { collectEarly } from '../src/commands/smallHeap.ts'
import { readConfig } from '../src/config.ts'
import { systemClock } from '../src/datasources/clock.ts'
import { openRecordLog, openStorage, openWeatherSource } from '../src/keepers.ts'
import { compactWeather } from '../src/weather/compactWeather.ts'
import { openSink } from '../src/weather/openSink.ts'
import { createProducer } from '../src/weather/producer/createProducer.ts'
import { PARTITIONS } from '../src/weather/questions.ts'

/** What the program is told, as JSON; everything else by the environment, as Millrace is. */
export interface MoverPlan {
  /** Whether it sends the rows of the source too, or stores only what is in the log. */
  produce: boolean
  /** Whether it merges small files meanwhile. */
  compact: boolean
  /** Ends when so many rows are stored; goes on until SIGTERM otherwise. */
  rows?: number
}

/** What it prints, a line of JSON each: a file that can be read from now on, and what all of it took. */
export type MoverLine =
  | { file: { partition: number; maxRowId: number; rows: number; bytes: number; atMillis: number } }
  | { total: { rows: number; files: number; seconds: number; cpuSeconds: number; peakResidentMb: number } }

/** All sinks in one process, and a producer where asked for: Millrace without its API, from when it is loaded until all is stored. */
const { positionals } = parseArgs({ allowPositionals: true })
const { produce, compact, rows = Number.POSITIVE_INFINITY } = JSON.parse(positionals[0]!) as MoverPlan
const config = readConfig(process.env)
const storage = openStorage(config)
const log = await openRecordLog(config)
const source = openWeatherSource(config)
const settings = config.weather
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
const print = (line: MoverLine) => void process.stdout.write(`${JSON.stringify(line)}\n`)

// As `millrace weather consume` does.
collectEarly()
let stored = 0
let files = 0
const began = { millis: performance.now(), cpu: process.cpuUsage() }
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const sinks = partitions.map(partition =>
  openSink({
    log,
    storage,
    settings,
    partition,
    onBatch({ meta, file }) {
      stored += meta.rows
      files += 1
      const maxRowId = meta.totals.maxRowId ?? 0
      print({ file: { partition, maxRowId, rows: meta.rows, bytes: file.length, atMillis: Date.now() } })
      if (stored >= rows) stop.abort()
    },
  }),
)
const work = sinks.map(sink => sink.run(stop.signal))
if (produce) {
  const { topic, replication } = settings
  work.push(createProducer({ source, log, topic, settings: { replication } }).run(stop.signal))
}
if (compact) work.push(compactWeather({ storage, settings, clock: systemClock }).part(partitions).run(stop.signal))
await Promise.all(work)
const seconds = (performance.now() - began.millis) / 1_000
const { user, system } = process.cpuUsage(began.cpu)
print({
  total: { rows: stored, files, seconds, cpuSeconds: (user + system) / 1e6, peakResidentMb: await peakResidentMb() },
})
await Promise.all([log.close(), storage.close(), source.close()])

async function peakResidentMb(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8')
  return (Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6
}
