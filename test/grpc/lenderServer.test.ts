import { status } from '@grpc/grpc-js'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { MillraceError } from '../../src/errors.ts'
import type { LenderDomains } from '../../src/grpc/lender.ts'
import { createLenderServer } from '../../src/grpc/lenderServer.ts'
import type { Job } from '../../src/jobs/job.ts'
import { startTestApp, type TestApp } from '../api/testApp.ts'
import { type LenderClient, lenderClient } from './lenderClient.ts'

describe('a client of lender.proto', () => {
  let server: TestApp
  let client: LenderClient
  beforeEach(async () => {
    server = await startTestApp({ environment: { MILLRACE_GRPC_PORT: '0' } })
    client = lenderClient(server.grpcAddress!)
  })
  afterEach(async () => {
    client.close()
    await server.close()
  })

  /** Once somebody has asked for it. */
  async function runningMigration(): Promise<Job> {
    const find = () => server.jobs.list({ kind: 'MIGRATE_LOANS', state: 'RUNNING', first: 1 })
    await expect.poll(find, { interval: 5 }).toHaveLength(1)
    return find()[0]!
  }

  test('hears from DbToHdfs when the copy is there', async () => {
    const answer = client.ask('DbToHdfs', {})
    await runningMigration()
    server.loans.finishMigration()
    expect(await answer).toEqual({ status: 'Migrated 2 loans.' })
  })

  test('who asks for a copy while one is under way hears of that one', async () => {
    const first = client.ask('DbToHdfs', {})
    const { id } = await runningMigration()
    const second = client.ask('DbToHdfs', {})
    // Calls of one connection are taken in their order: with this answer the second is known to wait.
    await client.ask('CalcAvgLoan', { county_code: 55001 })
    server.loans.finishMigration()
    expect(await Promise.all([first, second])).toEqual([
      { status: 'Migrated 2 loans.' },
      { status: 'Migrated 2 loans.' },
    ])
    expect(server.jobs.list({ first: 10 }).map(job => job.id)).toEqual([id])
  })

  test('reads in the status that and why a copy failed', async () => {
    const answer = client.ask('DbToHdfs', {})
    await server.jobs.cancel((await runningMigration()).id)
    expect(await answer).toEqual({ status: 'error: The job was cancelled. It was at 1 of 2 rows.' })
  })

  test('who goes away does not take the copy along', async () => {
    const call = client.start('DbToHdfs', {})
    const { id } = await runningMigration()
    call.cancel()
    await client.ask('CalcAvgLoan', { county_code: 55001 })
    server.loans.finishMigration()
    expect(await server.jobs.finished(id)).toMatchObject({ state: 'SUCCEEDED' })
  })

  test('gets the replicas per DataNode', async () => {
    expect(await client.ask('BlockLocations', { path: '/file' })).toEqual({
      block_entries: { 'node-1': 1, 'node-2': 1 },
      error: '',
    })
  })

  test('gets an average, and how it was obtained in lower case', async () => {
    expect(await client.ask('CalcAvgLoan', { county_code: 55025 })).toEqual({
      avg_loan: 255_025,
      source: 'create',
      error: '',
    })
    expect(await client.ask('CalcAvgLoan', { county_code: 55025 })).toMatchObject({ source: 'reuse' })
  })

  test('gets averages asked for at once from few passes', async () => {
    const codes = Array.from({ length: 60 }, (_, index) => [55001, 55025, 55079][index % 3]!)
    await client.ask('CalcAvgLoan', { county_code: 55001 })
    server.loans.asked.length = 0
    const answers = await Promise.all(codes.map(code => client.ask('CalcAvgLoan', { county_code: code })))
    expect(answers.map(({ avg_loan }) => avg_loan)).toEqual(codes.map(code => 200_000 + code))
    expect(server.loans.asked.flat()).toHaveLength(60)
    expect(server.loans.asked.length).toBeLessThanOrEqual(3)
  })

  test.each([
    ['that leads nowhere', '/none', 'There is no file /none. Migrate first.'],
    ['of a folder', '/folder', 'Expected a file at /folder, found a folder.'],
    ['that is left out', '', 'Expected an absolute storage path such as /hdma-wi-2021.parquet, but'],
    ['that is relative', 'file', 'this does not begin with a slash: "file".'],
    ['that leads upwards', '/a/../b', 'this has the segment ".."'],
    ['with an encoded slash', '/a%2fb', 'this has the percent-code %2f'],
    ['with NUL in it', '/a\0b', 'this has a control character'],
    ['of 5,001 characters', `/${'x'.repeat(5_000)}`, 'this has 5001 bytes, more than 4096'],
  ])('reads in the error what is wrong with a path %s', async (_, path, message) => {
    const answer = await client.ask('BlockLocations', { path })
    expect(answer).toEqual({ block_entries: {}, error: expect.stringContaining(message) as string })
  })

  test.each([
    [0, 'Expected a county code, the five-digit county FIPS code'],
    [-55025, 'but got -55025. The first two digits are the state'],
    [2_147_483_647, 'but got 2147483647.'],
    [55003, 'No migrated loan has county 55003. Ask counties.'],
  ])('reads in the error what is wrong with the county %d', async (code, message) => {
    const answer = await client.ask('CalcAvgLoan', { county_code: code })
    expect(answer).toEqual({ avg_loan: 0, source: '', error: expect.stringContaining(message) as string })
  })

  test('reads nothing of an error that nobody foresaw; the log has all of it', async () => {
    const { error } = await client.ask('CalcAvgLoan', { county_code: 13013 })
    expect(error).toBe("Something went wrong inside the server. The server's log has the details.")
    expect(server.logged).toContainEqual(
      expect.objectContaining({
        err: expect.objectContaining({ stack: expect.stringContaining('password=abc leaked') as string }) as object,
      }),
    )
  })

  test('with a message that is too large is refused, and the next one served', async () => {
    const tooLarge = client.ask('BlockLocations', { path: `/${'x'.repeat(300_000)}` })
    await expect(tooLarge).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    expect(await client.ask('BlockLocations', { path: '/file' })).toMatchObject({ error: '' })
  })

  test('hears at a stop what became of the copy, and nothing takes a call any more', async () => {
    const answer = client.ask('DbToHdfs', {})
    await runningMigration()
    await server.app.close()
    expect((await answer).status).toMatch(/^error: The job was cancelled because the server was stopped\./)
    await expect(client.ask('CalcAvgLoan', { county_code: 55001 })).rejects.toMatchObject({ code: status.UNAVAILABLE })
  })
})

test('a failure of migrate itself is told in the status, masked where nobody foresaw it', async () => {
  const errors = [new MillraceError('UNAVAILABLE', 'The server is stopping.'), new TypeError('password=abc leaked')]
  const domains = unanswered()
  domains.loans.migrate = () => {
    throw errors.shift()!
  }
  const { client } = await serve(domains)
  expect(await client.ask('DbToHdfs', {})).toEqual({ status: 'error: The server is stopping.' })
  expect(await client.ask('DbToHdfs', {})).toEqual({
    status: "error: Something went wrong inside the server. The server's log has the details.",
  })
})

test('a failure of the storage is told in the error, with what to do about it', async () => {
  const domains = unanswered()
  domains.systems.blockLocations = async () => {
    throw new MillraceError('UNAVAILABLE', 'The NameNode does not answer.', { hint: 'Start it.' })
  }
  const { client } = await serve(domains)
  expect(await client.ask('BlockLocations', { path: '/file' })).toEqual({
    block_entries: {},
    error: 'The NameNode does not answer. Start it.',
  })
})

test('a stop cuts off, when the grace is over, what does not end', async () => {
  const asked = Promise.withResolvers<void>()
  const domains = unanswered()
  domains.loans.averagesOf = () => {
    asked.resolve()
    return new Promise(() => {})
  }
  const served = await serve(domains)
  const cutOff = expect(served.client.ask('CalcAvgLoan', { county_code: 55001 })).rejects.toMatchObject({
    code: expect.any(Number) as number,
  })
  await asked.promise
  await served.stop()
  await cutOff
})

describe('the port', () => {
  async function start(environment: Record<string, string>): Promise<TestApp> {
    const server = await startTestApp({ environment })
    onTestFinished(() => server.close())
    return server
  }

  test('is closed unless one is set', async () => {
    expect((await start({})).grpcAddress).toBeNull()
  })

  test.each([
    ['localhost', /^localhost:\d+$/],
    ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
  ])('is open on %s, the same host as HTTP', async (host, address) => {
    const { grpcAddress } = await start({ MILLRACE_GRPC_PORT: '0', MILLRACE_HOST: host })
    expect(grpcAddress).toMatch(address)
    const client = lenderClient(grpcAddress!)
    onTestFinished(() => client.close())
    expect(await client.ask('BlockLocations', { path: '/file' })).toMatchObject({ error: '' })
  })

  test('that is taken makes an error which names the variable to change', async () => {
    const { address } = await serve(unanswered())
    const port = Number(address.split(':').at(-1))
    await expect(serve(unanswered(), port)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: `Expected port ${port} of 127.0.0.1 to be free, but another program listens there.`,
      hint: 'Stop it, or set MILLRACE_GRPC_PORT to another port; 0 takes any free one.',
    })
  })
})

/** Domains that nobody may ask, to be replaced one by one. */
function unanswered(): LenderDomains {
  const unasked = (): never => {
    throw new Error('no test should come here')
  }
  return {
    loans: { migrate: unasked, averagesOf: unasked },
    jobs: { list: unasked, finished: unasked },
    systems: { blockLocations: unasked },
  }
}

interface Served {
  address: string
  client: LenderClient
  stop(): Promise<void>
}

/** The gRPC server alone, for one test. */
async function serve(domains: LenderDomains, port = 0): Promise<Served> {
  const server = createLenderServer({
    domains,
    host: '127.0.0.1',
    port,
    maxMessageBytes: 1_000,
    stopGraceMillis: 50,
    log: pino({ level: 'silent' }),
  })
  onTestFinished(() => server.close())
  const address = await server.listen()
  const client = lenderClient(address)
  onTestFinished(() => client.close())
  return { address, client, stop: () => server.close() }
}
