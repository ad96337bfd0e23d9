import { afterAll, beforeAll, expect, test } from 'vitest'
import { collect, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

interface Migrated {
  migrateLoans: { id: string; state: string; message: string | null }
}

async function migrate(wait?: boolean | null): Promise<Migrated['migrateLoans']> {
  const argument = wait === undefined ? '' : `(wait: ${wait})`
  const { data } = await server.http(`mutation { migrateLoans${argument} { id state message } }`)
  return (data as unknown as Migrated).migrateLoans
}

test('with wait: false the job comes back at once, and goes on', async () => {
  const job = await migrate(false)
  expect(job.state).toBe('QUEUED')
  server.loans.finishMigration()
  await server.jobs.finished(job.id)
  const { data } = await server.http(
    `{ job(id: "${job.id}") { kind state message hint errorCode finishedAt progress { done total unit bytes etaSeconds } } }`,
  )
  expect(data?.job).toEqual({
    kind: 'MIGRATE_LOANS',
    state: 'SUCCEEDED',
    message: 'Migrated 2 loans.',
    hint: null,
    errorCode: null,
    finishedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    progress: { done: 2, total: 2, unit: 'rows', bytes: 100, etaSeconds: null },
  })
})

test.each([undefined, true, null])('with wait: %s the answer is the job that has ended', async wait => {
  const answer = migrate(wait)
  await runningJob()
  server.loans.finishMigration()
  expect(await answer).toMatchObject({ state: 'SUCCEEDED', message: 'Migrated 2 loans.' })
})

test('a second migration is refused while one runs', async () => {
  const job = await migrate(false)
  const { data, errors } = await server.http('mutation { migrateLoans { id } }')
  expect(data).toEqual({ migrateLoans: null })
  expect(errors?.[0]?.extensions?.code).toBe('CONFLICT')
  server.loans.finishMigration()
  await server.jobs.finished(job.id)
})

test('a subscription gives the job now, each change, and ends with the job', async () => {
  const job = await migrate(false)
  const seen = collect(server.webSocketUrl, `subscription { jobProgress(id: "${job.id}") { state } }`)
  await runningJob()
  server.loans.finishMigration()
  const states = (await seen).map(({ data }) => (data as { jobProgress: { state: string } }).jobProgress.state)
  expect(states.length).toBeGreaterThan(0)
  expect(states.at(-1)).toBe('SUCCEEDED')
})

test('a subscription to a job that has ended gives it once', async () => {
  const job = await migrate(false)
  server.loans.finishMigration()
  await server.jobs.finished(job.id)
  const seen = await collect(server.webSocketUrl, `subscription { jobProgress(id: "${job.id}") { state } }`)
  expect(seen).toEqual([{ data: { jobProgress: { state: 'SUCCEEDED' } } }])
})

test('a cancelled job says so to everyone who waits, and cannot be cancelled again', async () => {
  const waiting = migrate(true)
  const id = await runningJob()
  const cancel = `mutation { cancelJob(id: "${id}") { state errorCode } }`
  expect((await server.http(cancel)).data).toEqual({ cancelJob: { state: 'CANCELLED', errorCode: 'CANCELLED' } })
  expect((await waiting).state).toBe('CANCELLED')
  expect((await server.http(cancel)).errors?.[0]?.extensions?.code).toBe('CONFLICT')
})

test('jobs are listed newest first, by kind and state, as many as asked for', async () => {
  const ids = async (args: string) => {
    const { data } = await server.http(`{ jobs${args} { id } }`)
    return (data as { jobs: { id: string }[] }).jobs.map(({ id }) => id)
  }
  const all = await ids('')
  expect(all.length).toBeGreaterThan(3)
  expect(await ids('(first: 2)')).toEqual(all.slice(0, 2))
  expect(await ids('(first: null)')).toEqual(all)
  expect(await ids('(kind: WEATHER)')).toEqual([])
  expect(await ids('(kind: MIGRATE_LOANS, state: CANCELLED)')).toEqual([all[0]])
})

test('a subscription over HTTP is refused with the way to go', async () => {
  const { errors } = await server.http('subscription { jobProgress(id: "x") { id } }')
  expect(errors?.[0]).toMatchObject({
    message: 'Expected a query or a mutation, but got a subscription.',
    extensions: { code: 'BAD_USER_INPUT', hint: expect.stringContaining('WebSocket') as string },
  })
})

/** The id of the migration that runs, as soon as it does. */
async function runningJob(): Promise<string> {
  return await expect
    .poll(() => server.jobs.list({ state: 'RUNNING', first: 1 })[0]?.id, { interval: 5, timeout: 5_000 })
    .toBeDefined()
    .then(() => server.jobs.list({ state: 'RUNNING', first: 1 })[0]!.id)
}
