import type { Clock } from '../datasources/clock.ts'
import type { Log } from '../datasources/log.ts'
import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import { MillraceError } from '../errors.ts'
import type { Job, Jobs } from '../jobs/job.ts'
import type { Compaction } from './compactWeather.ts'
import { createGenerator } from './generator/createGenerator.ts'
import { type MoveWeatherOptions, moveWeather, type WaitingPart } from './moveWeather.ts'
import { openSink } from './openSink.ts'
import { createProducer } from './producer/createProducer.ts'
import { PARTITIONS } from './questions.ts'
import type { WeatherSettings } from './settings.ts'
import { sourceRowIds } from './sourceRowIds.ts'
import type { StartOptions, Weather } from './weather.ts'

export interface WeatherJobOptions {
  source: Source
  storage: Storage
  log: Log
  jobs: Jobs
  settings: WeatherSettings
  compaction: Compaction
  clock: Clock
  note: (message: string, details: object) => void
}

/** The job that moves weather: one at a time, because of its kind. */
export function weatherJob(options: WeatherJobOptions): Pick<Weather, 'start' | 'stop'> {
  const { jobs, log, settings, compaction } = options
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  let running: { id: string; stop: AbortController } | undefined

  async function start({ generate }: StartOptions): Promise<Job> {
    const stop = new AbortController()
    const { id } = jobs.start('WEATHER', control =>
      moveWeather(
        {
          ...options,
          generator: generate ? generatorPart(options) : undefined,
          producer: producerPart(options),
          lastRowId: signal => sourceRowIds(options.source).last({ signal }),
          openSink: (partition, onBatch) => openSink({ ...options, partition, onBatch }),
          partitions: PARTITIONS,
          endOffsets: async signal => (await log.offsets(settings.topic, partitions, { signal })).map(({ end }) => end),
          compaction: compaction.part(partitions),
          stop: stop.signal,
        },
        control,
      ),
    )
    running = { id, stop }
    for await (const job of jobs.watch(id)) if (job.state !== 'QUEUED') return job
    return jobs.get(id)
  }

  async function stop(): Promise<Job> {
    if (running && jobs.get(running.id).finishedAt === null) {
      running.stop.abort()
      return await jobs.finished(running.id)
    }
    throw new MillraceError('CONFLICT', 'Expected a WEATHER job that runs, but there is none.', {
      hint: 'startWeather starts one.',
    })
  }

  return { start, stop }
}

function generatorPart({ source, settings, clock }: WeatherJobOptions): WaitingPart {
  const delayMillis = settings.delaySeconds * 1_000
  return remade('The generator', () => createGenerator({ source, clock, settings: { delayMillis } }))
}

function producerPart({ source, log, settings, clock }: WeatherJobOptions): MoveWeatherOptions['producer'] {
  const { topic, replication } = settings
  const open = () => createProducer({ source, log, topic, clock, settings: { partitions: PARTITIONS, replication } })
  const part = remade('The producer', open)
  return { ...part, lastRowId: () => part.state().lastRowId }
}

/** A part that is made anew each time it is run. */
function remade<State extends { trouble: string | null }>(
  name: string,
  make: () => { run(signal: AbortSignal): Promise<void>; state(): State },
) {
  let current = make()
  return {
    name,
    async run(signal: AbortSignal): Promise<void> {
      current = make()
      await current.run(signal)
    },
    state: () => current.state(),
    trouble: () => current.state().trouble,
  }
}
