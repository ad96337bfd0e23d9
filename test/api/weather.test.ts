import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BATCH, ROWS } from './memoryWeather.ts'
import { firstReplies, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

describe('the questions', () => {
  test('partitions, with offsets beyond 32 bits', async () => {
    const { data } = await server.http(
      '{ weatherPartitions { partition nextOffset endOffset lag nextBatch rows doubles deadLetters warning } }',
    )
    expect(data?.weatherPartitions).toEqual([
      {
        partition: 2,
        nextOffset: 2 ** 33 + 1,
        endOffset: 2 ** 33 + 11,
        lag: 10,
        nextBatch: 6,
        rows: 2,
        doubles: 1,
        deadLetters: 0,
        warning: null,
      },
    ])
  })

  test('files, of all partitions or of one', async () => {
    const fields = 'partition batch lastBatch path rows length firstOffset lastOffset writtenAt'
    const { data } = await server.http(
      `{ all: weatherBatchFiles { ${fields} } two: weatherBatchFiles(partition: 2) { ${fields} } none: weatherBatchFiles(partition: 0) { ${fields} } }`,
    )
    const file = { ...BATCH, writtenAt: '2026-11-21T06:00:00.000Z' }
    expect(data).toEqual({ all: [file], two: [file], none: [] })
  })

  test('temperatures, a hundred where nothing else is asked for', async () => {
    server.weather.asked.length = 0
    const page = '{ nodes { stationId date degrees } endCursor hasNextPage }'
    const { data } = await server.http(`{
      all: temperatures ${page}
      some: temperatures(stationId: "StationI", from: "2000-02-29", to: "2000-02-29", first: 2, after: "x") ${page}
      nulls: temperatures(stationId: null, from: null, to: null, first: null, after: null) ${page}
    }`)
    expect(data?.all).toEqual({ nodes: ROWS, endCursor: 'cursor', hasNextPage: false })
    const nothing = { stationId: undefined, from: undefined, to: undefined, after: undefined }
    expect(server.weather.asked).toEqual([
      { ...nothing, first: 100 },
      { stationId: 'StationI', from: '2000-02-29', to: '2000-02-29', first: 2, after: 'x' },
      { ...nothing, first: 100 },
    ])
  })

  test('windows, of all stations together or of one', async () => {
    const fields = 'start end stationId count min max mean'
    const { data } = await server.http(
      `{ all: temperatureWindows(window: MONTH) { ${fields} } one: temperatureWindows(window: MONTH, stationId: "StationA") { ${fields} } }`,
    )
    const window = {
      start: '2000-01-01',
      end: '2000-01-31',
      stationId: null,
      count: 31,
      min: -1.5,
      max: 40,
      mean: 30.25,
    }
    expect(data).toEqual({ all: [window], one: [{ ...window, stationId: 'StationA' }] })
  })

  test('a verification that has failed', async () => {
    const { data } = await server.http('{ verifyWeather { ok sourceRows storedRows missing duplicated firstProblem } }')
    expect(data?.verifyWeather).toEqual({
      ok: false,
      sourceRows: 3,
      storedRows: 2,
      missing: 1,
      duplicated: 0,
      firstProblem: 'Row 3 is in no file.',
    })
  })
})

const page = '{ nodes { date } }'

test.each([
  [
    'a negative partition',
    '{ weatherBatchFiles(partition: -1) { path } }',
    /partition from 0 to 3, but got -1/,
    /lists/,
  ],
  [
    'a partition beyond the last',
    'mutation { compactWeather(partition: 4) { id } }',
    /from 0 to 3, but got 4/,
    /lists/,
  ],
  ['a first of 0', `{ temperatures(first: 0) ${page} }`, /"first" from 1 to 5000, but got 0/, /after/],
  ['a first that is too large', `{ temperatures(first: 5001) ${page} }`, /but got 5001/, /fewer/],
  ['an empty station', `{ temperatures(stationId: "") ${page} }`, /Expected a station/, /StationA/],
  [
    'days the wrong way round',
    '{ temperatureWindows(window: DAY, from: "2000-01-02", to: "2000-01-01") { count } }',
    /2000-01-02 is after 2000-01-01/,
    /swap/,
  ],
  [
    'a day that no calendar has',
    `{ temperatures(from: "2001-02-29") ${page} }`,
    /date as a String, but got "2001-02-29"/,
    /2000-01-31/,
  ],
  ['a day as a number', `{ temperatures(to: 2001) ${page} }`, /but got 2001\./, /year, month and day/],
  ['a window that there is not', '{ temperatureWindows(window: DECADE) { count } }', /"DECADE"/, /schema/],
])('%s is refused with what to do', async (_what, operation, message, hint) => {
  const { errors } = await server.http(operation)
  expect(errors?.[0]?.message).toMatch(message)
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'BAD_USER_INPUT',
    hint: expect.stringMatching(hint) as string,
  })
})

test('long pages are affordable, a hundred of them in one operation are not', async () => {
  const long = 'temperatures(first: 5000) { nodes { stationId date degrees } endCursor hasNextPage }'
  expect((await server.http(`{ ${long} }`)).errors).toBeUndefined()
  const { errors } = await server.http(
    `{ ${Array.from({ length: 20 }, (_, index) => `p${index}: ${long}`).join(' ')} }`,
  )
  expect(errors?.[0]?.message).toMatch(/costs at most 5000/)
})

describe('the mutations', () => {
  test('startWeather answers with the running job, a second is refused, stopWeather with the ended one', async () => {
    const started = await server.http('mutation { startWeather(generate: true) { id kind state message } }')
    const { startWeather } = started.data as { startWeather: { id: string; kind: string; state: string } }
    expect(startWeather).toMatchObject({ kind: 'WEATHER', state: 'RUNNING' })
    const second = await server.http('mutation { startWeather { id } }')
    expect(second.errors?.[0]?.extensions?.code).toBe('CONFLICT')
    const stopped = await server.http('mutation { stopWeather { id state message } }')
    expect(stopped.data?.stopWeather).toEqual({ id: startWeather.id, state: 'SUCCEEDED', message: 'Moved 0 rows.' })
    const again = await server.http('mutation { stopWeather { id } }')
    expect(again.errors?.[0]?.extensions?.code).toBe('CONFLICT')
  })

  test('compactWeather answers when it is done', async () => {
    const { data } = await server.http('mutation { compactWeather { kind state message } }')
    expect(data?.compactWeather).toEqual({
      kind: 'COMPACT_WEATHER',
      state: 'SUCCEEDED',
      message: 'Merged 3 files into 1.',
    })
  })
})

test('subscriptions tell of batches, and of the rows of one station', async () => {
  const batches = firstReplies(server.webSocketUrl, 'subscription { weatherBatches { path lastOffset } }', 1)
  const rows = firstReplies(
    server.webSocketUrl,
    'subscription { temperatures(stationId: "StationJ") { stationId date degrees } }',
    1,
  )
  await expect.poll(() => server.weather.watchers, { interval: 5 }).toBe(2)
  server.weather.tell(BATCH, ROWS)
  expect(await batches).toEqual([{ data: { weatherBatches: { path: BATCH.path, lastOffset: BATCH.lastOffset } } }])
  expect(await rows).toEqual([{ data: { temperatures: ROWS[1] } }])
  await expect.poll(() => server.weather.watchers, { interval: 5 }).toBe(0)
})

test('a subscription to an empty station is refused', async () => {
  const { errors } = await server.webSocket('subscription { temperatures(stationId: "") { date } }')
  expect(errors?.[0]).toMatchObject({
    message: expect.stringContaining('Expected a station') as string,
    extensions: { code: 'BAD_USER_INPUT' },
  })
})
