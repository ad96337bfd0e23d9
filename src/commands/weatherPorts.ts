import type { Log } from '../datasources/log.ts'
import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import type { Jobs } from '../jobs/job.ts'
import type { WeatherSettings } from '../weather/settings.ts'
import type { Weather } from '../weather/weather.ts'
import type { Context } from './command.ts'

/** What the weather commands that run alone work on: no server, and nobody's data directory is claimed. */
export interface WeatherPorts {
  settings: WeatherSettings
  source: () => Source
  storage: () => Storage
  log: () => Promise<Log>
}

/** Runs `work` and closes what it has opened. */
export async function withWeatherPorts<Result>(
  { config }: Pick<Context, 'config'>,
  work: (ports: WeatherPorts) => Promise<Result>,
): Promise<Result> {
  // Before the keepers are loaded: a wrong environment is told at once.
  const configured = config()
  const { openRecordLog, openStorage, openWeatherSource } = await import('../keepers.ts')
  await using opened = new AsyncDisposableStack()
  const adopt = <Keeper extends { close(): Promise<void> }>(keeper: Keeper): Keeper =>
    opened.adopt(keeper, keeper => keeper.close())
  return await work({
    settings: configured.weather,
    source: () => adopt(openWeatherSource(configured)),
    storage: () => adopt(openStorage(configured)),
    log: async () => adopt(await openRecordLog(configured)),
  })
}

/** The domain itself, with a history of jobs that is forgotten at the end. */
export function withWeather<Result>(
  context: Pick<Context, 'config' | 'terminal'>,
  work: (weather: Weather, jobs: Jobs) => Promise<Result>,
): Promise<Result> {
  return withWeatherPorts(context, async ({ source, storage, log, settings }) => {
    const { createWeather } = await import('../weather/createWeather.ts')
    const { createJobs } = await import('../jobs/createJobs.ts')
    await using opened = new AsyncDisposableStack()
    const jobs = opened.adopt(createJobs({ file: ':memory:' }), jobs => jobs.close())
    const note = (message: string) => void context.terminal.stderr.write(`warning: ${message}\n`)
    const weather = createWeather({ source: source(), storage: storage(), log: await log(), jobs, settings, note })
    return await work(weather, jobs)
  })
}
