import type { Client } from '../client/client.ts'
import {
  CompactWeatherDocument,
  TemperaturesDocument,
  TemperatureWindowsDocument,
  VerifyWeatherDocument,
  WeatherBatchFilesDocument,
} from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { formatRuledTable } from '../commands/table.ts'
import { describeVerification } from '../commands/weatherVerify.ts'
import { formatBytes, formatCount } from '../commands/words.ts'
import { readConfig } from '../config.ts'
import { MillraceError } from '../errors.ts'
import { sparkline } from './sparkline.ts'
import { clear, demoEnvironment, type Stage, stopped, withServer } from './stage.ts'
import { DAYS, ROWS_PER_DAY, streamWeather } from './weatherStream.ts'

/** A month of weather through the whole stream, one of whose processes is killed midway; then what became of it. */
export async function demonstrateWeather(stage: Stage): Promise<void> {
  const { say, exitAtEnd } = stage
  const environment = demoEnvironment(stage, 'demo-weather', {
    MILLRACE_WEATHER_DELAY_SECONDS: '0.05',
    MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.25',
  })
  const config = readConfig(environment)
  say('Millrace demo: the rows of a growing table become files, each row exactly once.\n')
  clear(config)
  await streamWeather(stage, config, environment)
  await withServer(stage, config, async (client, url) => {
    await showFiles(stage, client, 'As written')
    await merge(stage, client)
    await showStations(stage, client)
    await showWeeks(stage, client)
    await prove(stage, client)
    if (!exitAtEnd) {
      showWhatNext(stage, url)
      await stopped(stage)
    }
  })
}

async function showFiles({ say, terminal: { signal } }: Stage, client: Client, when: string): Promise<void> {
  const reply = await client.request(WeatherBatchFilesDocument, {}, { signal })
  const files = present(reply.weatherBatchFiles)
  const partitions = [...new Set(files.map(({ partition }) => partition))]
  const rows = partitions.map(partition => {
    const own = files.filter(file => file.partition === partition)
    const sum = (of: (file: (typeof files)[number]) => number) => own.reduce((total, file) => total + of(file), 0)
    return [
      String(partition),
      String(own.length),
      formatCount(sum(({ rows }) => rows)),
      `${own[0]!.firstOffset} to ${own.at(-1)!.lastOffset}`,
      formatBytes(sum(({ length }) => length)),
      own.at(-1)!.path,
    ]
  })
  const heads = ['partition', 'files', 'rows', 'offsets', 'bytes', 'the last of them']
  say(`\n${when}:\n${formatRuledTable(heads, rows, ['right', 'right', 'right', 'right', 'right', 'left'])}`)
}

async function merge(stage: Stage, client: Client): Promise<void> {
  const reply = await client.request(CompactWeatherDocument, {}, { signal: stage.terminal.signal })
  const { state, message } = present(reply.compactWeather)
  if (state !== 'SUCCEEDED') throw new MillraceError('INTERNAL', `Expected the files to be merged: ${message}`)
  stage.say(`\nCompaction: ${message}`)
  await showFiles(stage, client, 'Merged')
}

async function showStations({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const reply = await client.request(TemperaturesDocument, { first: DAYS * ROWS_PER_DAY }, { signal })
  const { nodes } = present(reply.temperatures)
  say('\nA month of days:')
  for (const station of [...new Set(nodes.map(({ stationId }) => stationId))].sort()) {
    const days = nodes.filter(({ stationId }) => stationId === station).map(({ degrees }) => degrees)
    const [lowest, highest] = [Math.min(...days), Math.max(...days)]
    const range = [lowest, highest].map(degrees => degrees.toFixed(1).padStart(5)).join(' to ')
    say(`  ${station}  ${sparkline(days, [lowest, highest])}  ${range} degrees`)
  }
}

async function showWeeks({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const question = { window: 'WEEK', stationId: 'StationA' } as const
  const reply = await client.request(TemperatureWindowsDocument, question, { signal })
  const rows = present(reply.temperatureWindows).map(({ start, end, count, min, mean, max }) => [
    `${start} to ${end}`,
    String(count),
    ...[min, mean, max].map(degrees => degrees.toFixed(1)),
  ])
  const heads = ['weeks of StationA', 'days', 'min', 'mean', 'max']
  say(`\n${formatRuledTable(heads, rows, ['left', 'right', 'right', 'right', 'right'])}`)
}

async function prove({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const reply = await client.request(VerifyWeatherDocument, {}, { signal })
  const verification = present(reply.verifyWeather)
  say(`\nVerification: ${describeVerification(verification)}`)
  if (!verification.ok)
    throw new MillraceError('DATA_LOST', verification.firstProblem ?? 'Rows are missing or doubled.')
}

function showWhatNext({ say }: Stage, url: string): void {
  say(`
Try next, while this server runs:

  GraphiQL in a browser: ${url}/graphql

  npm run -s millrace -- weather start --generate --url ${url}
  npm run -s millrace -- weather partitions --url ${url}
  npm run -s millrace -- weather stop --url ${url}`)
}
