import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

describe.each(['http', 'webSocket'] as const)('over %s', transport => {
  const ask = (operation: string, variables?: object) => server[transport](operation, variables)

  test('a date is run and ingested: the answer comes with the job that has ended', async () => {
    const reply = await ask(`mutation {
      ingestCitizens(date: "2026-11-20") { kind state message }
      runWarehouse(date: "2026-11-20", force: true) { kind state message }
    }`)
    expect(reply.data).toEqual({
      ingestCitizens: { kind: 'INGEST_CITIZENS', state: 'SUCCEEDED', message: 'Landed 2026-11-20.' },
      runWarehouse: { kind: 'WAREHOUSE_RUN', state: 'SUCCEEDED', message: 'Published 2026-11-20 by force.' },
    })
  })

  test('a run that nobody waits for is queued, and can be asked for', async () => {
    const reply = await ask('mutation { runWarehouse(date: "2026-11-20", wait: false) { id state } }')
    expect(reply.data?.runWarehouse).toMatchObject({ state: 'QUEUED', id: expect.any(String) })
  })

  test('runs, tables, rows and a plan are answered', async () => {
    const reply = await ask(`{
      warehouseRuns(first: 1) { date state attempts startedAt finishedAt steps { name state rows elapsedMillis message } }
      warehouseTables { name description rows latestDate }
      latest: warehouseRows(table: "agg_income")
      first: warehouseRows(table: "agg_income", date: "2026-11-19", first: 1)
      planWarehouse(date: "2026-11-21") { date problems steps { name state message } }
    }`)
    expect(reply.errors).toBeUndefined()
    expect(reply.data).toEqual({
      warehouseRuns: [
        {
          date: '2026-11-20',
          state: 'SUCCEEDED',
          attempts: 1,
          startedAt: '1970-01-01T00:00:00.000Z',
          finishedAt: '1970-01-01T00:00:01.000Z',
          steps: [{ name: 'ingest', state: 'SUCCEEDED', rows: 10_000_000_000, elapsedMillis: 1.5, message: null }],
        },
      ],
      warehouseTables: [{ name: 'agg_income', description: 'Income.', rows: 2, latestDate: '2026-11-20' }],
      latest: [
        { logical_date: '2026-11-20', region: 'R01', mean_income: 40_000.5, n: null },
        { logical_date: '2026-11-20', region: 'Zoë', mean_income: null, n: 3 },
      ],
      first: [expect.objectContaining({ logical_date: '2026-11-19' })],
      planWarehouse: {
        date: '2026-11-21',
        problems: [],
        steps: [{ name: 'ingest', state: 'QUEUED', message: 'Lands it.' }],
      },
    })
  })

  test('a failure of one field leaves the others', async () => {
    const reply = await ask('{ warehouseTables { name } warehouseRows(table: "nothing") }')
    expect(reply.data).toEqual({ warehouseTables: [{ name: 'agg_income' }], warehouseRows: null })
    expect(reply.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' }, path: ['warehouseRows'] }])
  })

  test.each([
    ['{ warehouseRows(table: "agg_income", first: 0) }', /from 1 to 10000, but got 0/],
    ['{ warehouseRows(table: "agg_income", first: 10001) }', /from 1 to 10000, but got 10001/],
    ['{ warehouseRuns(first: 1001) { date } }', /from 1 to 1000, but got 1001/],
    ['{ planWarehouse(date: "2026-02-30") { date } }', /calendar date as a String, but got "2026-02-30"/],
    ['mutation { runWarehouse(date: "yesterday") { id } }', /calendar date as a String, but got "yesterday"/],
  ])('%s is refused', async (operation, message) => {
    const [error] = (await ask(operation)).errors ?? []
    expect(error).toMatchObject({ message: expect.stringMatching(message), extensions: { code: 'BAD_USER_INPUT' } })
  })

  test('a page that would cost too much is refused before anything is asked', async () => {
    const rows = Array.from({ length: 6 }, (_, index) => `r${index}: warehouseRows(table: "agg_income", first: 10000)`)
    const [error] = (await ask(`{ ${rows.join(' ')} }`)).errors ?? []
    expect(error?.message).toMatch(/cost/)
    expect((await ask(`{ ${rows[0]} }`)).errors).toBeUndefined()
  })
})
