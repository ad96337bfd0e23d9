import type { Call } from '../datasources/call.ts'
import { type Clock, systemClock } from '../datasources/clock.ts'
import { createDeadline } from '../datasources/deadline.ts'
import type { Log } from '../datasources/log.ts'
import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import { MillraceError } from '../errors.ts'
import type { Jobs } from '../jobs/job.ts'
import { compactWeather } from './compactWeather.ts'
import { createBatchFiles } from './files/batchFiles.ts'
import { weatherBatches } from './queries/batches.ts'
import { weatherPartitions } from './queries/partitions.ts'
import { temperaturesQuery } from './queries/temperatures.ts'
import { verifyWeather } from './queries/verify.ts'
import { windowsQuery } from './queries/windows.ts'
import { checkPartition, checkRange, PARTITIONS } from './questions.ts'
import type { WeatherSettings } from './settings.ts'
import { sourceRowIds } from './sourceRowIds.ts'
import { watchWeather } from './watch.ts'
import type { Weather } from './weather.ts'
import { weatherJob } from './weatherJob.ts'

export interface CreateWeatherOptions {
  source: Source
  storage: Storage
  log: Log
  jobs: Jobs
  settings: WeatherSettings
  clock?: Clock
  /** Told of what a user does not see but an operator may want to. */
  note: (message: string, details: object) => void
}

/** For all requests of a question together; each has a deadline of its own beside. */
const ANSWER_WITHIN_MILLIS = 30_000
/** A verification looks at every row id of the source and of the files: some seconds a million. */
const VERIFY_WITHIN_MILLIS = 600_000

export function createWeather(options: CreateWeatherOptions): Weather {
  const { source, storage, log, jobs, settings, clock = systemClock } = options
  const files = createBatchFiles(storage)
  const temperatures = temperaturesQuery(storage, files)
  const windows = windowsQuery(storage, files)
  const compaction = compactWeather({ storage, settings, clock })
  const partitions = (call: Call) => weatherPartitions({ files, log, topic: settings.topic }, call)

  return {
    ...weatherJob({ ...options, compaction, clock }),
    async compact(partition) {
      const wanted =
        partition === undefined ? Array.from({ length: PARTITIONS }, (_, all) => all) : [checkPartition(partition)]
      return jobs.start('COMPACT_WEATHER', control => compaction.compact(wanted, control))
    },
    partitions: () => within(ANSWER_WITHIN_MILLIS, partitions),
    async batchFiles(partition) {
      const wanted = partition === undefined ? undefined : checkPartition(partition)
      return await within(ANSWER_WITHIN_MILLIS, call => weatherBatches(files, wanted, call))
    },
    async temperatures(question) {
      checkRange(question)
      return await within(ANSWER_WITHIN_MILLIS, call => temperatures(question, call))
    },
    async windows(question) {
      checkRange(question)
      return await within(ANSWER_WITHIN_MILLIS, call => windows(question, call))
    },
    verify: () =>
      within(VERIFY_WITHIN_MILLIS, call =>
        verifyWeather(
          {
            storage,
            files,
            source: sourceRowIds(source),
            waiting: async () => (await partitions(call)).reduce((sum, { lag }) => sum + lag, 0),
          },
          call,
        ),
      ),
    ...watchWeather(storage, clock),
  }
}

/** UNAVAILABLE when time is up. */
async function within<Answer>(millis: number, ask: (call: Call) => Promise<Answer>): Promise<Answer> {
  using deadline = createDeadline(
    millis,
    () =>
      new MillraceError('UNAVAILABLE', `There was no answer about the weather within ${millis / 1_000} s.`, {
        hint: 'A system is slow, or the network to it; the query systems tells which answers. Try again later.',
      }),
  )
  return await ask({ signal: deadline.signal })
}
