import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { COUNTIES, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
beforeEach(() => {
  server.loans.asked.length = 0
  server.loans.warning = null
})
afterAll(() => server.close())

test('all averages of one operation are asked for at once, each county once', async () => {
  const query = `{
    a: averageLoan(countyCode: 55001) { averageLoan }
    b: averageLoan(countyCode: 55025) { averageLoan }
    again: averageLoan(countyCode: 55001) { averageLoan }
  }`
  for (const ask of [server.http, server.webSocket]) {
    server.loans.asked.length = 0
    const { data } = await ask(query)
    expect(data).toEqual({ a: { averageLoan: 255_001 }, b: { averageLoan: 255_025 }, again: { averageLoan: 255_001 } })
    expect(server.loans.asked).toEqual([[55_001, 55_025]])
  }
})

test('the averages of all counties are asked for at once', async () => {
  const { data } = await server.http('{ counties { code name averageLoan { countyCode source } } }')
  expect(data?.counties).toHaveLength(COUNTIES.length)
  expect(server.loans.asked).toEqual([COUNTIES.map(({ code }) => code)])
})

test('a county without loans fails alone', async () => {
  const { data, errors } = await server.http(`{
    bad: averageLoan(countyCode: 55003) { averageLoan }
    good: averageLoan(countyCode: 55001) { averageLoan }
  }`)
  expect(data).toEqual({ bad: null, good: { averageLoan: 255_001 } })
  expect(errors).toMatchObject([{ path: ['bad'], extensions: { code: 'NOT_FOUND' } }])
})

test('the next operation asks anew', async () => {
  const query = '{ averageLoan(countyCode: 55079) { source } }'
  await server.http(query)
  expect((await server.http(query)).data).toEqual({ averageLoan: { source: 'REUSE' } })
  expect((await server.webSocket(query)).data).toEqual({ averageLoan: { source: 'REUSE' } })
  expect(server.loans.asked).toHaveLength(3)
})

test('dropPartitions names the counties that had a partition, and their next average is created', async () => {
  await server.http('{ averageLoan(countyCode: 55025) { source } }')
  const drop = 'mutation ($codes: [CountyCode!]!) { dropPartitions(countyCodes: $codes) }'
  expect((await server.http(drop, { codes: [55_003, 55_025] })).data).toEqual({ dropPartitions: [55_025] })
  expect((await server.webSocket(drop, { codes: [55_025] })).data).toEqual({ dropPartitions: [] })
  const { data } = await server.http('{ averageLoan(countyCode: 55025) { source } }')
  expect(data).toEqual({ averageLoan: { source: 'CREATE' } })
})

test('dropPartitions takes county codes only', async () => {
  const { data, errors } = await server.http('mutation { dropPartitions(countyCodes: [55025, 7]) }')
  expect(data).toBeUndefined()
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(errors![0]!.message).toContain('but got 7')
})

test('county is null where no migrated loan has it, and names the county otherwise', async () => {
  const { data, errors } = await server.http(
    '{ none: county(code: 55003) { name } dane: county(code: 55025) { code name } }',
  )
  expect(errors).toBeUndefined()
  expect(data).toEqual({ none: null, dane: { code: 55_025, name: 'Dane County' } })
})

test('a warning stands in extensions.warnings, once, beside the right answer', async () => {
  server.loans.warning = 'The partition could not be written.'
  const query = '{ a: averageLoan(countyCode: 55001) { loans } b: averageLoan(countyCode: 55025) { loans } }'
  for (const ask of [server.http, server.webSocket]) {
    const reply = await ask(query)
    expect(reply).toEqual({
      data: { a: { loans: 42 }, b: { loans: 42 } },
      extensions: { warnings: ['The partition could not be written.'] },
    })
  }
  server.loans.warning = null
  expect(await server.http(query)).not.toHaveProperty('extensions')
})

test('block locations count the replicas per DataNode and name each block', async () => {
  const { data } = await server.http(
    '{ blockLocations(path: "/file") { path length replication blockSize dataNodes { dataNode blocks } blocks { index offset length dataNodes missing } } }',
  )
  expect(data).toEqual({
    blockLocations: {
      path: '/file',
      length: 1_500_000,
      replication: 2,
      blockSize: 1_048_576,
      dataNodes: [
        { dataNode: 'node-1', blocks: 1 },
        { dataNode: 'node-2', blocks: 1 },
      ],
      blocks: [
        { index: 0, offset: 0, length: 1_048_576, dataNodes: ['node-2', 'node-1'], missing: false },
        { index: 1, offset: 1_048_576, length: 451_424, dataNodes: [], missing: true },
      ],
    },
  })
})

test('a DataNode of more than 2 GB is told exactly, what is not known is null', async () => {
  const { data } = await server.http('{ dataNodes { name state lastContact usedBytes capacityBytes } }')
  expect(data).toEqual({
    dataNodes: [
      {
        name: 'node-1',
        state: 'LIVE',
        lastContact: '1970-01-01T00:00:00.000Z',
        usedBytes: 2 ** 40,
        capacityBytes: null,
      },
    ],
  })
})
