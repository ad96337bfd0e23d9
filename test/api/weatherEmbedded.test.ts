import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from 'graphql-ws'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { encodeReport } from '../../src/weather/report.ts'
import { startProcess } from '../setup/runningProcess.ts'
import { post, type Reply } from './testApp.ts'

/** Built by "npm test" before the tests. */
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** The whole stream over real HTTP on the embedded profile: DuckDB, a SQLite log, a directory. */
let dataDir: string
let app: App
let url: string
let webSocketUrl: string
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'millrace-weather-'))
  const config = readConfig({
    MILLRACE_PORT: '0',
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_WEATHER_DELAY_SECONDS: '0.01',
    MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.1',
    MILLRACE_WEATHER_COMPACT_FILES: '1000',
  })
  app = await createApp(config, { log: pino({ level: 'silent' }), announce: false })
  const addresses = await app.listen()
  url = addresses.url
  webSocketUrl = addresses.webSocketUrl
})
afterAll(async () => {
  await app.close()
  rmSync(dataDir, { recursive: true })
})

async function ask<Data>(query: string): Promise<Data> {
  const { data, errors } = (await (await post(url, { query })).json()) as Reply
  expect(errors).toBeUndefined()
  return data as Data
}

interface Partition {
  partition: number
  rows: number
  lag: number
  nextOffset: number
  endOffset: number
  nextBatch: number
}

async function partitions(): Promise<Partition[]> {
  const fields = 'partition rows lag nextOffset endOffset nextBatch'
  return (await ask<{ weatherPartitions: Partition[] }>(`{ weatherPartitions { ${fields} } }`)).weatherPartitions
}

const total = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0)

/** The values of a subscription until there are enough; ready() resolves once it is heard by the server. */
function subscribe<Value>(query: string, enough: (values: Value[]) => boolean): Promise<Value[]> {
  const client = createClient({ url: webSocketUrl, webSocketImpl: WebSocket, retryAttempts: 0 })
  const values: Value[] = []
  const read = async () => {
    for await (const { data } of client.iterate<Record<string, Value>>({ query })) {
      values.push(Object.values(data!)[0]!)
      if (enough(values)) break
    }
    await client.dispose()
    return values
  }
  return read()
}

describe('the stream, from nothing', { timeout: 90_000 }, () => {
  test('before it began there are partitions without rows, no files, and nothing to merge', async () => {
    expect(await ask('{ weatherBatchFiles { path } temperatures { nodes { date } hasNextPage endCursor } }')).toEqual({
      weatherBatchFiles: [],
      temperatures: { nodes: [], hasNextPage: false, endCursor: null },
    })
  })

  test('startWeather answers with the running job, subscriptions tell of files and rows, stopWeather drains it', async () => {
    const batches = subscribe<{ path: string; rows: number; partition: number }>(
      'subscription { weatherBatches { path rows partition } }',
      values => new Set(values.map(({ partition }) => partition)).size === 4,
    )
    const counting = subscribe<{ stationId: string; date: string; degrees: number }>(
      'subscription { temperatures(stationId: "StationJ") { stationId date degrees } }',
      values => values.length >= 30,
    )
    const { startWeather } = await ask<{ startWeather: { id: string; state: string; kind: string } }>(
      'mutation { startWeather(generate: true) { id state kind } }',
    )
    expect(startWeather).toMatchObject({ state: 'RUNNING', kind: 'WEATHER' })
    const second = (await (await post(url, { query: 'mutation { startWeather { id } }' })).json()) as Reply
    expect(second.errors?.[0]?.extensions?.code).toBe('CONFLICT')

    for (const { path, rows, partition } of await batches) {
      expect(path).toMatch(new RegExp(`^/data/partition-${partition}-batch-\\d+\\.parquet$`))
      expect(rows).toBeGreaterThan(0)
    }
    const rows = await counting
    // In the order of their days, without a gap; from the first day on where the subscription was first.
    const days = rows.map(({ date }) => Date.parse(date) / 86_400_000)
    expect(days.map((day, index) => day - index)).toEqual(days.map(() => days[0]))
    for (const [index, { degrees }] of rows.entries()) expect(degrees).toBe((rows[0]!.degrees + index) % 10)

    const { stopWeather } = await ask<{ stopWeather: { id: string; state: string; message: string } }>(
      'mutation { stopWeather { id state message } }',
    )
    expect(stopWeather).toMatchObject({ id: startWeather.id, state: 'SUCCEEDED' })
    expect(stopWeather.message).toMatch(/^Moved [\d,]+ rows into \d+ files\.$/)
  })

  test('then every row is in the files exactly once, and the partitions add up', async () => {
    const { verifyWeather } = await ask<{ verifyWeather: Record<string, unknown> & { sourceRows: number } }>(
      '{ verifyWeather { ok sourceRows storedRows missing duplicated firstProblem } }',
    )
    expect(verifyWeather).toMatchObject({ ok: true, missing: 0, duplicated: 0, firstProblem: null })
    expect(verifyWeather.sourceRows % 10).toBe(0)
    const all = await partitions()
    expect(all.map(({ partition }) => partition)).toEqual([0, 1, 2, 3])
    expect(total(all.map(({ rows }) => rows))).toBe(verifyWeather.sourceRows)
    for (const { lag, nextOffset, endOffset, nextBatch } of all) {
      expect(lag).toBe(0)
      expect(nextOffset).toBe(endOffset)
      expect(nextBatch).toBeGreaterThan(0)
    }
  })

  test('the values are those of the original, page by page', async () => {
    interface Page {
      temperatures: {
        nodes: { stationId: string; date: string; degrees: number }[]
        endCursor: string
        hasNextPage: boolean
      }
    }
    const fields = '{ nodes { stationId date degrees } endCursor hasNextPage }'
    const first = (await ask<Page>(`{ temperatures(first: 12) ${fields} }`)).temperatures
    expect(first.nodes.slice(0, 3)).toEqual([
      { stationId: 'StationA', date: '2000-01-01', degrees: 23.851454295532143 },
      { stationId: 'StationB', date: '2000-01-01', degrees: 19.525202433007102 },
      { stationId: 'StationC', date: '2000-01-01', degrees: 22.977951196092594 },
    ])
    expect(first.hasNextPage).toBe(true)
    const second = (await ask<Page>(`{ temperatures(first: 2, after: "${first.endCursor}") ${fields} }`)).temperatures
    expect(second.nodes.map(({ stationId, date }) => `${stationId} ${date}`)).toEqual([
      'StationC 2000-01-02',
      'StationD 2000-01-02',
    ])
    const one = (await ask<Page>(`{ temperatures(stationId: "StationI", to: "2000-01-05") ${fields} }`)).temperatures
    expect(one.nodes.map(({ degrees }) => degrees)).toEqual([5, 5, 5, 5, 5])
    expect(one.hasNextPage).toBe(false)
    expect((await ask<Page>(`{ temperatures(stationId: "StationZ") ${fields} }`)).temperatures.nodes).toEqual([])
  })

  test('a cursor that nobody gave is refused', async () => {
    const { errors } = (await (
      await post(url, { query: '{ temperatures(after: "nonsense") { hasNextPage } }' })
    ).json()) as Reply
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', hint: expect.any(String) as string })
  })

  test('windows of a week begin on a Monday, and add up', async () => {
    interface Windows {
      temperatureWindows: { start: string; end: string; count: number; min: number; max: number; mean: number }[]
    }
    const { temperatureWindows: weeks } = await ask<Windows>(
      '{ temperatureWindows(window: WEEK, stationId: "StationJ", to: "2000-01-16") { start end count min max mean } }',
    )
    // 2000-01-01 was a Saturday.
    expect(weeks).toEqual([
      { start: '1999-12-27', end: '2000-01-02', count: 2, min: 0, max: 1, mean: 0.5 },
      { start: '2000-01-03', end: '2000-01-09', count: 7, min: 2, max: 8, mean: 5 },
      { start: '2000-01-10', end: '2000-01-16', count: 7, min: 0, max: 9, mean: 24 / 7 },
    ])
  })

  test('merging leaves one file a partition, the same rows and the same proof', async () => {
    const before = await partitions()
    const { compactWeather } = await ask<{ compactWeather: { state: string; message: string } }>(
      'mutation { compactWeather { state message } }',
    )
    expect(compactWeather.state).toBe('SUCCEEDED')
    const { weatherBatchFiles } = await ask<{
      weatherBatchFiles: { partition: number; batch: number; lastBatch: number; rows: number; path: string }[]
    }>('{ weatherBatchFiles { partition batch lastBatch rows path } }')
    expect(
      weatherBatchFiles.map(({ partition, batch, lastBatch, rows }) => ({ partition, batch, lastBatch, rows })),
    ).toEqual(before.map(({ partition, nextBatch, rows }) => ({ partition, batch: 0, lastBatch: nextBatch - 1, rows })))
    expect(await ask('{ verifyWeather { ok missing duplicated } }')).toEqual({
      verifyWeather: { ok: true, missing: 0, duplicated: 0 },
    })
  })

  test('it goes on where it ended', async () => {
    const before = total((await partitions()).map(({ rows }) => rows))
    await ask('mutation { startWeather(generate: true) { id } }')
    await expect
      .poll(async () => total((await partitions()).map(({ rows }) => rows)), { timeout: 20_000 })
      .toBeGreaterThan(before)
    await ask('mutation { stopWeather { state } }')
    expect(await ask('{ verifyWeather { ok } }')).toEqual({ verifyWeather: { ok: true } })
  })

  test('subscriptions also tell of files that another process writes', async () => {
    const [{ nextBatch, endOffset }] = (await partitions()).filter(({ partition }) => partition === 1) as [Partition]
    const batches = subscribe<{ path: string }>('subscription { weatherBatches { path } }', () => true)
    const rows = subscribe<{ degrees: number }>(
      'subscription { temperatures(stationId: "elsewhere") { degrees } }',
      () => true,
    )
    const consumer = startProcess(process.execPath, [cli, 'weather', 'consume', '1'], {
      PATH: process.env.PATH,
      MILLRACE_DATA_DIR: dataDir,
      MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.05',
    })
    try {
      const log = sqliteLog({ file: join(dataDir, 'log.sqlite') })
      const producer = log.producer()
      const value = encodeReport({ stationId: 'elsewhere', date: '2000-01-01', degrees: 7.25 })
      await producer.send('temperatures', [{ key: Buffer.from('elsewhere'), value, partition: 1 }])
      await log.close()
      expect(await batches).toEqual([{ path: `/data/partition-1-batch-${nextBatch}.parquet` }])
      expect(await rows).toEqual([{ degrees: 7.25 }])
      const [after] = (await partitions()).filter(({ partition }) => partition === 1)
      expect(after).toMatchObject({ nextOffset: endOffset + 1, lag: 0 })
    } finally {
      consumer.child.kill('SIGKILL')
      await consumer.ended
    }
  })
})
