import type { Config, Environment } from '../config.ts'
import { openRecordLog, openStorage, openWeatherSource } from '../keepers.ts'
import { createBatchFiles } from '../weather/files/batchFiles.ts'
import { createGenerator } from '../weather/generator/createGenerator.ts'
import { createProducer } from '../weather/producer/createProducer.ts'
import { weatherPartitions } from '../weather/queries/partitions.ts'
import { PARTITIONS } from '../weather/questions.ts'
import type { WeatherPartition } from '../weather/weather.ts'
import { startConsumer } from './consumerProcess.ts'
import { type Stage, timeline, untilSo } from './stage.ts'

/** January 2000. */
export const DAYS = 31
export const ROWS_PER_DAY = 10
/** There are files by then, and more is to come. */
const FIRST_DAYS = 12
const KILL_AT_DAY = 17
/** It has the most stations. */
const KILLED = 3

/** A month of weather: generator and producer in this process, four consumers in processes of their own, one of which is killed midway. */
export async function streamWeather(stage: Stage, config: Config, environment: Environment): Promise<void> {
  const { signal } = stage.terminal
  const { topic, delaySeconds } = config.weather
  await using opened = new AsyncDisposableStack()
  const source = opened.adopt(openWeatherSource(config), source => source.close())
  const storage = opened.adopt(openStorage(config), storage => storage.close())
  const log = opened.adopt(await openRecordLog(config), log => log.close())
  const files = createBatchFiles(storage)

  const start = (partition: number) => startConsumer(['weather', 'consume', String(partition)], environment)
  const consumers = Array.from({ length: PARTITIONS }, (_, partition) => start(partition))
  opened.defer(async () => {
    await Promise.all(consumers.map(consumer => consumer.stop()))
  })
  const stopProducer = new AbortController()
  const producer = createProducer({ source, log, topic })
  const producing = producer.run(stopProducer.signal)
  opened.defer(async () => {
    stopProducer.abort()
    await producing
  })

  async function generate(days: number): Promise<void> {
    await createGenerator({ source, settings: { days, delayMillis: delaySeconds * 1_000 } }).run(signal)
  }

  /** The partitions, as soon as they are so. */
  async function until(isSo: (partitions: WeatherPartition[]) => boolean): Promise<WeatherPartition[]> {
    return await untilSo({
      look: () => weatherPartitions({ files, log, topic }, { signal }),
      isSo,
      failure: () => consumers.map(consumer => consumer.failure()).find(failure => failure !== undefined),
      what: 'the rows to become files',
      signal,
    })
  }

  const tell = timeline(stage)
  tell(`Ten stations report a day every ${delaySeconds * 1_000} ms into a table: DuckDB.`)
  tell(`A producer sends the rows through the ${PARTITIONS} partitions of a log: SQLite.`)
  tell(`${PARTITIONS} processes turn a partition each into Parquet files.`)
  await generate(FIRST_DAYS)
  await until(partitions => partitions.length === PARTITIONS && partitions.every(({ rows }) => rows > 0))

  const rest = generate(DAYS)
  await until(() => producer.state().lastRowId >= KILL_AT_DAY * ROWS_PER_DAY)
  const killed = consumers[KILLED]!
  await killed.kill()
  tell(`kill -9 ${killed.pid} midway. What it held in memory is gone.`)
  await rest
  // Those that live are through; what waits is what the killed one has left.
  const [left] = (await until(partitions => isThrough(partitions, partition => partition !== KILLED))).slice(KILLED)
  tell(`All ${DAYS} days are in the log. Partition ${KILLED}: ${left!.rows} rows in files, ${left!.lag} wait.`)

  const heir = start(KILLED)
  consumers[KILLED] = heir
  tell(`Process ${heir.pid} takes partition ${KILLED} over.`)
  await until(partitions => isThrough(partitions, () => true))
  tell('Every row is in a file.')

  function isThrough(partitions: WeatherPartition[], counts: (partition: number) => boolean): boolean {
    const sent = producer.state().lastRowId === DAYS * ROWS_PER_DAY
    return sent && partitions.every(({ partition, lag }) => lag === 0 || !counts(partition))
  }
}
