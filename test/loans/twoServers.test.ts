import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { type AnotherServer, type EmbeddedLoans, embeddedLoans, loansOf } from '../setup/embeddedLoans.ts'

/** Servers with data directories of their own, which share a storage. */

const COUNTIES = [55001, 55003, 55025]

let first: EmbeddedLoans
let second: AnotherServer
/** What the first server asks of the storage waits for this, once it is set, as if its process slept. */
let asleep: PromiseWithResolvers<void> | undefined
let beforeRename: (() => Promise<void>) | undefined

beforeEach(async () => {
  asleep = undefined
  beforeRename = undefined
  first = await embeddedLoans(sleepy)
  second = first.another()
  await first.fill(...loansOf(COUNTIES))
})
afterEach(async () => {
  await second.close()
  await first.close()
})

test('of two migrations at once one succeeds, and the other is told that another server is at it', async () => {
  const jobs = await Promise.all([first.migrate(), second.migrate()])
  const refused = jobs.filter(({ state }) => state === 'FAILED')
  expect(jobs.filter(({ state }) => state === 'SUCCEEDED')).toHaveLength(1)
  expect(refused).toHaveLength(1)
  expect(refused[0]).toMatchObject({
    errorCode: 'CONFLICT',
    message: expect.stringContaining('Another server is migrating loans on this storage already.'),
    hint: expect.stringContaining('Wait until it is done'),
  })
  expect(await second.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  expect(await first.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  expect(await first.visibleFiles()).toEqual([LOANS_PATH.slice(1)])
})

test('a migration that was cancelled or failed lets the other server migrate at once', async () => {
  const reached = Promise.withResolvers<void>()
  beforeRename = () => {
    reached.resolve()
    return new Promise(() => {})
  }
  const { id } = first.loans.migrate()
  await reached.promise
  expect(await second.migrate()).toMatchObject({ errorCode: 'CONFLICT' })
  expect(await first.cancel(id)).toMatchObject({ state: 'CANCELLED' })
  expect(await second.migrate()).toMatchObject({ state: 'SUCCEEDED' })
})

test('a server that slept until another took over publishes nothing, even where it slept right before its rename', async () => {
  const brief = first.another(undefined, { leaseLifeMillis: 300 })
  try {
    const reached = Promise.withResolvers<void>()
    beforeRename = () => {
      asleep = Promise.withResolvers()
      reached.resolve()
      return asleep.promise
    }
    const late = first.migrate()
    await reached.promise
    await first.fill(...loansOf(COUNTIES, 5))
    let taken = await brief.migrate()
    await waitUntil({ description: 'the other to take over', timeoutMillis: 10_000 }, async () => {
      if (taken.state !== 'SUCCEEDED') taken = await brief.migrate()
      return taken.state === 'SUCCEEDED'
    })
    asleep!.resolve()
    asleep = undefined

    expect(await late).toMatchObject({
      state: 'FAILED',
      errorCode: 'CONFLICT',
      message: expect.stringContaining('Another server has begun migrating loans'),
    })
    expect(await brief.average(55001)).toMatchObject({ loans: 5 })
    expect(await first.average(55001)).toMatchObject({ loans: 5, source: 'REUSE' })
    expect(await first.visibleFiles()).toEqual([LOANS_PATH.slice(1), 'partitions'])
  } finally {
    await brief.close()
  }
})

test('partitions that two servers make at once are whole, and each reuses those of the other', async () => {
  await first.migrate()
  const answers = await Promise.all([first.loans.averagesOf(COUNTIES), second.loans.averagesOf(COUNTIES)])
  const expected = COUNTIES.map(county =>
    expect.objectContaining({ countyCode: county, averageLoan: 115_000 + county }),
  )
  for (const answer of answers) expect(answer).toEqual(expected)
  for (const server of [first, second]) {
    for (const county of COUNTIES) {
      expect(await server.average(county)).toMatchObject({ averageLoan: 115_000 + county, source: 'REUSE' })
    }
  }
})

function sleepy(storage: Storage): Storage {
  const awake = async () => await asleep?.promise
  return {
    ...storage,
    async list(folder, call) {
      await awake()
      return await storage.list(folder, call)
    },
    async create(path, content, layout, call) {
      await awake()
      await storage.create(path, content, layout, call)
    },
    async rename(from, to, call) {
      if (to === LOANS_PATH) {
        const { promise, reject } = Promise.withResolvers<never>()
        call?.signal?.addEventListener('abort', () => reject(call.signal?.reason))
        await Promise.race([beforeRename?.(), promise])
      }
      await storage.rename(from, to, call)
    },
  }
}
