import { type Clock, systemClock } from '../datasources/clock.ts'
import type { Log } from '../datasources/log.ts'
import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import { MillraceError } from '../errors.ts'
import type { Jobs } from '../jobs/job.ts'
import { createBatchFiles } from './files/batchFiles.ts'
import { weatherBatches } from './queries/batches.ts'
import { weatherPartitions } from './queries/partitions.ts'
import { temperaturesQuery } from './queries/temperatures.ts'
import { windowsQuery } from './queries/windows.ts'
import { checkPartition, checkRange, PARTITIONS } from './questions.ts'
import type { WeatherSettings } from './settings.ts'
import { watchWeather } from './watch.ts'
import type { Weather } from './weather.ts'

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

export function createWeather(options: CreateWeatherOptions): Weather {
  const { storage, log, settings, clock = systemClock } = options
  const files = createBatchFiles(storage)
  const temperatures = temperaturesQuery(storage, files)
  const windows = windowsQuery(storage, files)

  return {
    start: notYet,
    stop: notYet,
    compact: notYet,
    verify: notYet,
    partitions: () => weatherPartitions({ files, log, topic: settings.topic }),
    async batchFiles(partition) {
      if (partition !== undefined) checkPartition(partition, PARTITIONS)
      return await weatherBatches(files, partition)
    },
    async temperatures(question) {
      checkRange(question)
      return await temperatures(question)
    },
    async windows(question) {
      checkRange(question)
      return await windows(question)
    },
    ...watchWeather(storage, clock),
  }
}

function notYet(): never {
  throw new MillraceError('UNAVAILABLE', 'The weather is being built.')
}
