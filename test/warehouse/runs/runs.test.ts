import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Engine, EngineSession } from '../../../src/datasources/engine.ts'
import type { Warehouse } from '../../../src/datasources/warehouse.ts'
import { MillraceError } from '../../../src/errors.ts'
import { OWN_TRANSFORMS } from '../../../src/warehouse/transforms/readTransforms.ts'
import { type EmbeddedWarehouse, embeddedWarehouse } from '../../setup/embeddedWarehouse.ts'

// Several runs each, with many files that are written through to the disk: a busy machine takes its time.
vi.setConfig({ testTimeout: 180_000 })

const [FIRST, SECOND, THIRD] = ['2026-11-18', '2026-11-19', '2026-11-20'] as const

let embedded: EmbeddedWarehouse
let transformsFolder: string
/** What the engine and the warehouse were asked: "write dim_citizen 2026-11-20", "stage", "publish". */
let asked: string[]
/** Called with each of them before it is done. */
let before: (what: string) => Promise<void> | void
beforeEach(async () => {
  transformsFolder = await mkdtemp(join(tmpdir(), 'millrace-transforms-'))
  await cp(OWN_TRANSFORMS, transformsFolder, { recursive: true })
  asked = []
  before = () => {}
  embedded = await embeddedWarehouse({ transformsFolder, wrap: { engine: watchedEngine, warehouse: watchedWarehouse } })
})
afterEach(async () => {
  before = () => {}
  await embedded.close()
  await rm(transformsFolder, { recursive: true })
})

async function reach(what: string): Promise<void> {
  asked.push(what)
  await before(what)
}

function watchedEngine(engine: Engine): Engine {
  const watched = (session: EngineSession): EngineSession => ({
    ...session,
    async write(sql, folder, values, call) {
      await reach(`write ${folder.split('/').at(-2)} ${String(values?.date)}`)
      return await session.write(sql, folder, values, call)
    },
  })
  return { ...engine, open: async call => watched(await engine.open(call)) }
}

function watchedWarehouse(warehouse: Warehouse): Warehouse {
  return {
    ...warehouse,
    async stage(stage, rows, call) {
      await reach('stage')
      return await warehouse.stage(stage, rows, call)
    },
    async check(stage, checks, call) {
      await reach('check')
      return await warehouse.check(stage, checks, call)
    },
    async publish(publication, call) {
      await reach(`publish ${publication.date}`)
      const load = await warehouse.publish(publication, call)
      await reach(`published ${publication.date}`)
      return load
    },
  }
}

/** Everything that is published: by table and date. */
async function published(): Promise<unknown> {
  const loads = await embedded.warehouse.loads({ first: 100 })
  const result: Record<string, unknown> = {}
  for (const { date } of loads) {
    for (const { name } of await embedded.domain.tables()) {
      result[`${name} ${date}`] = await embedded.rows(name, date).catch((error: MillraceError) => error.code)
    }
  }
  return result
}

const failOnce = (what: RegExp, error: Error) => {
  let failed = false
  before = found => {
    if (failed || !what.test(found)) return
    failed = true
    throw error
  }
}
const gone = new MillraceError('UNAVAILABLE', 'It went away.')

describe('a date that is published', () => {
  test('is only looked at when it is run again', async () => {
    await embedded.makeDay(FIRST)
    expect(await embedded.run(FIRST)).toMatchObject({
      state: 'SUCCEEDED',
      message: expect.stringMatching(/^Published [\d,]+ rows of 8 tables for 2026-11-18\.$/),
    })
    const first = await published()
    asked = []
    expect(await embedded.run(FIRST)).toMatchObject({
      state: 'SUCCEEDED',
      message: '2026-11-18 is published already, from the same inputs: nothing was to do.',
    })
    expect(asked).toEqual([])
    expect(await published()).toEqual(first)
    expect(embedded.domain.runs(9)).toMatchObject([{ attempts: 1 }])
  })

  test('is made again where its file was replaced by force, and so is the next, which goes on from it', async () => {
    for (const day of [FIRST, SECOND]) {
      await embedded.makeDay(day)
      await embedded.run(day)
    }
    await embedded.changeDay(FIRST, text => text.replaceAll(',nurse,', ',artist,'))
    asked = []
    // Without force the landed file counts.
    expect((await embedded.run(FIRST)).message).toContain('nothing was to do')
    expect(await embedded.run(FIRST, { force: true })).toMatchObject({ state: 'SUCCEEDED' })
    expect(await embedded.rows('agg_occupation', FIRST)).not.toContainEqual(
      expect.objectContaining({ occupation: 'nurse' }),
    )
    expect(asked.filter(what => what.startsWith('publish '))).toEqual(['publish 2026-11-18'])
    expect(await embedded.run(SECOND)).toMatchObject({ message: expect.stringMatching(/^Published/) })
    const changes = await embedded.rows('snapshot_changes', SECOND)
    expect(changes.find(({ change }) => change === 'changed')?.citizens).toBeGreaterThan(10)
  })

  test('makes only the table again whose .sql file has changed', async () => {
    await embedded.makeDay(FIRST)
    await embedded.run(FIRST)
    await writeFile(join(transformsFolder, 'agg_marital.sql'), '-- description: x\nSELECT count(*) AS n FROM citizens')
    await embedded.warehouse.close()
    asked = []
    const job = await embedded.run(FIRST)
    expect(asked.filter(what => what.startsWith('write'))).toEqual(['write agg_marital 2026-11-18'])
    expect(job).toMatchObject({ state: 'SUCCEEDED' })
    expect(await embedded.rows('agg_marital', FIRST)).toEqual([expect.objectContaining({ n: 400 })])
  })

  test('gets a table more from a .sql file that somebody adds', async () => {
    await embedded.makeDay(FIRST)
    await embedded.run(FIRST)
    await writeFile(
      join(transformsFolder, 'agg_city.sql'),
      '-- description: Citizens by city.\n-- test: unique city\nSELECT city, count(*) AS citizens FROM citizens GROUP BY city',
    )
    await embedded.run(FIRST)
    expect((await embedded.rows('agg_city', FIRST)).length).toBeGreaterThan(20)
    expect(await embedded.domain.tables()).toContainEqual(expect.objectContaining({ description: 'Citizens by city.' }))
  })
})

describe('a run that failed', () => {
  test.each([
    [
      'in the middle of the transforms',
      /^write dim_citizen/,
      ['write dim_citizen', 'write fact_citizens', 'write snapshot_changes'],
    ],
    ['in staging', /^stage/, []],
    ['in its tests', /^check/, []],
    ['in publishing', /^publish /, []],
  ])('%s redoes only what is missing, and the rows are equal', async (_, what, redone) => {
    await embedded.makeDay(FIRST)
    failOnce(what, gone)
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'FAILED', errorCode: 'UNAVAILABLE' })
    expect(await embedded.warehouse.loads({ first: 1 })).toEqual([])
    expect(await embedded.warehouse.stages()).toEqual([])
    const [failed] = embedded.domain.runs(1)
    expect(failed).toMatchObject({ state: 'FAILED', attempts: 1 })
    expect(failed!.steps.filter(({ state }) => state === 'FAILED')).toMatchObject([{ message: 'It went away.' }])

    asked = []
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'SUCCEEDED' })
    expect(asked.filter(each => each.startsWith('write'))).toEqual(redone.map(write => `${write} ${FIRST}`))
    expect(embedded.domain.runs(1)).toMatchObject([{ state: 'SUCCEEDED', attempts: 2 }])

    const reference = await embeddedWarehouse()
    await reference.makeDay(FIRST)
    await reference.run(FIRST)
    for (const { name } of await embedded.domain.tables()) {
      expect(await embedded.rows(name, FIRST)).toEqual(await reference.rows(name, FIRST))
    }
    await reference.close()
  })

  test('after it was published has nothing to do, and has succeeded', async () => {
    await embedded.makeDay(FIRST)
    failOnce(/^published/, gone)
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'FAILED' })
    expect((await embedded.run(FIRST)).message).toContain('nothing was to do')
    const [run] = embedded.domain.runs(1)
    expect(run).toMatchObject({ state: 'SUCCEEDED', attempts: 1 })
    expect(run!.steps.every(({ state }) => state === 'SUCCEEDED')).toBe(true)
  })

  test('keeps its date whatever is landed later, and does not look into the inbox again', async () => {
    await embedded.makeDay(FIRST)
    failOnce(/^publish /, gone)
    await embedded.run(FIRST)
    await embedded.changeDay(FIRST, text => text.replaceAll('nurse', 'artist'))
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await embedded.rows('agg_occupation', FIRST)).toContainEqual(
      expect.objectContaining({ occupation: 'nurse' }),
    )
  })

  test('for a wrong .sql file says file, line and what the engine says; nothing is published', async () => {
    await embedded.makeDay(FIRST)
    await writeFile(
      join(transformsFolder, 'agg_income.sql'),
      '-- description: x\nSELECT region,\n  sum(anual_income) AS n\nFROM citizens',
    )
    const job = await embedded.run(FIRST)
    expect(job).toMatchObject({ state: 'FAILED', errorCode: 'BAD_USER_INPUT' })
    expect(job.message).toMatch(/agg_income\.sql: .*line 3.*anual_income/s)
    expect(await embedded.warehouse.loads({ first: 1 })).toEqual([])
  })

  test('for a data test says file and line and a value; nothing is published', async () => {
    await embedded.makeDay(FIRST)
    await writeFile(
      join(transformsFolder, 'agg_marital.sql'),
      "-- description: x\n-- test: accepted values marital_status: 'single', 'married'\n-- test: row count 1 to 2\nSELECT DISTINCT marital_status FROM citizens",
    )
    const job = await embedded.run(FIRST)
    expect(job).toMatchObject({ state: 'FAILED', errorCode: 'BAD_USER_INPUT' })
    expect(job.message).toMatch(
      /^2 data tests failed, so nothing was published: agg_marital\.sql, line 2: .*(divorced|widowed).*; agg_marital\.sql, line 3: /s,
    )
    expect(await embedded.warehouse.loads({ first: 1 })).toEqual([])
    expect(await embedded.warehouse.stages()).toEqual([])
  })

  test('for a table without rows says so; nothing is published', async () => {
    await embedded.makeDay(FIRST)
    await writeFile(join(transformsFolder, 'agg_none.sql'), '-- description: x\nSELECT city FROM citizens WHERE 1 = 0')
    expect((await embedded.run(FIRST)).message).toMatch(
      /^agg_none\.sql: expected rows for agg_none, but it made none\./,
    )
    expect(await embedded.warehouse.loads({ first: 1 })).toEqual([])
  })

  test('for a date without a file says where it was looked for', async () => {
    expect(await embedded.run('2026-01-01')).toMatchObject({
      state: 'FAILED',
      errorCode: 'NOT_FOUND',
      message: expect.stringContaining('dt=2026-01-01'),
    })
  })

  test('because it was cancelled leaves nothing half-done, and can be run again', async () => {
    await embedded.makeDay(FIRST)
    const reached = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    before = async what => {
      if (!what.startsWith('write dim_citizen')) return
      reached.resolve()
      await goOn.promise
    }
    const { id } = embedded.domain.run(FIRST)
    await reached.promise
    const cancelled = embedded.jobs.cancel(id)
    goOn.resolve()
    expect(await cancelled).toMatchObject({ state: 'CANCELLED' })
    expect(embedded.domain.runs(1)).toMatchObject([{ state: 'CANCELLED' }])
    before = () => {}
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'SUCCEEDED' })
  })
})

test('a table is staged while the next is made', async () => {
  await embedded.makeDay(FIRST)
  const staged = Promise.withResolvers<void>()
  before = async what => {
    if (what === 'stage') staged.resolve()
    if (what.startsWith('write agg_marital')) await staged.promise
  }
  expect(await embedded.run(FIRST)).toMatchObject({ state: 'SUCCEEDED' })
})

describe('a run on a cluster', () => {
  beforeEach(async () => {
    await embedded.close()
    const engine = (keeper: Engine): Engine => ({ ...watchedEngine(keeper), kind: 'spark' })
    embedded = await embeddedWarehouse({ transformsFolder, wrap: { engine, warehouse: watchedWarehouse } })
    await embedded.makeDay(FIRST)
  })

  test('makes three tables side by side, and stages them in order', async () => {
    const three = Promise.withResolvers<void>()
    let begun = 0
    before = async what => {
      if (!what.startsWith('write')) return
      begun += 1
      if (begun === 3) three.resolve()
      await three.promise
    }
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'SUCCEEDED' })
    const [load] = await embedded.warehouse.loads({ first: 1 })
    expect(load!.tables.map(({ name }) => name)).toEqual((await embedded.domain.tables()).map(({ name }) => name))
  })

  test('finishes those under way where one fails, and begins no other; the retry makes the rest', async () => {
    const failed = Promise.withResolvers<void>()
    before = async what => {
      if (what.startsWith('write agg_marital')) {
        failed.resolve()
        throw gone
      }
      // The others are in the middle of their work then.
      if (what.startsWith('write')) await failed.promise
    }
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'FAILED', errorCode: 'UNAVAILABLE' })
    const states = embedded.domain.runs(1)[0]!.steps.map(({ name, state }) => `${name} ${state}`)
    expect(states.slice(1, 6)).toEqual([
      'transform agg_income SUCCEEDED',
      'transform agg_marital FAILED',
      'transform agg_occupation SUCCEEDED',
      'transform agg_population QUEUED',
      'transform daily_registrations QUEUED',
    ])
    before = () => {}
    asked = []
    expect(await embedded.run(FIRST)).toMatchObject({ state: 'SUCCEEDED' })
    const redone = ['agg_marital', 'agg_population', 'daily_registrations', 'dim_citizen', 'fact_citizens']
    expect(asked.filter(each => each.startsWith('write'))).toEqual(
      [...redone, 'snapshot_changes'].map(name => `write ${name} ${FIRST}`),
    )
  })
})

describe('runs at the same time', () => {
  test('of one date queue up: the second finds it published', async () => {
    await embedded.makeDay(FIRST)
    const first = embedded.domain.run(FIRST)
    const second = embedded.domain.run(FIRST)
    expect(embedded.jobs.get(second.id).state).toBe('QUEUED')
    expect(await embedded.jobs.finished(first.id)).toMatchObject({ state: 'SUCCEEDED' })
    expect((await embedded.jobs.finished(second.id)).message).toContain('nothing was to do')
    expect(asked.filter(what => what.startsWith('publish '))).toHaveLength(1)
  })

  test('of two dates go side by side: both are staged before either is published', async () => {
    await embedded.makeDay(FIRST)
    await embedded.makeDay(SECOND)
    let staged = 0
    const both = Promise.withResolvers<void>()
    before = async what => {
      if (what !== 'check') return
      staged += 1
      if (staged === 2) both.resolve()
      await both.promise
    }
    const jobs = [embedded.domain.run(FIRST), embedded.domain.run(SECOND)]
    const ended = await Promise.all(jobs.map(({ id }) => embedded.jobs.finished(id)))
    expect(ended.map(({ state }) => state)).toEqual(['SUCCEEDED', 'SUCCEEDED'])
  })

  test('in whatever order they are started, a later date has the history of the earlier ones', async () => {
    for (const day of [FIRST, SECOND, THIRD]) await embedded.makeDay(day)
    const jobs = [FIRST, SECOND, THIRD].map(day => embedded.domain.run(day))
    for (const { id } of jobs.reverse()) expect(await embedded.jobs.finished(id)).toMatchObject({ state: 'SUCCEEDED' })
    for (const day of [FIRST, SECOND, THIRD]) expect((await embedded.run(day)).message).toContain('nothing was to do')
    const since = new Set((await embedded.rows('dim_citizen', THIRD)).map(row => row.valid_from))
    expect(since).toEqual(new Set([FIRST, SECOND, THIRD]))
  })

  test('never put the history back: where the later date is published first, the earlier one leaves it', async () => {
    await embedded.makeDay(FIRST)
    await embedded.makeDay(SECOND)
    const secondIsPublished = Promise.withResolvers<void>()
    let checks = 0
    before = async what => {
      // The first date has staged its history, as the newest that there is.
      if (what === 'check' && ++checks === 1) await secondIsPublished.promise
    }
    const first = embedded.domain.run(FIRST)
    const second = embedded.domain.run(SECOND)
    await embedded.jobs.finished(second.id)
    secondIsPublished.resolve()
    expect((await embedded.jobs.finished(first.id)).message).toMatch(/of 7 tables for 2026-11-18/)
    const since = new Set((await embedded.rows('dim_citizen', SECOND)).map(row => row.valid_from))
    expect(since).toEqual(new Set([FIRST, SECOND]))
  })

  test('that are cancelled in the queue never begin, and those behind them do', async () => {
    await embedded.makeDay(FIRST)
    await embedded.makeDay(SECOND)
    const goOn = Promise.withResolvers<void>()
    before = async what => {
      if (what === `publish ${FIRST}`) await goOn.promise
    }
    const first = embedded.domain.run(FIRST)
    const waiting = embedded.domain.run(FIRST)
    expect(await embedded.jobs.cancel(waiting.id)).toMatchObject({ state: 'CANCELLED', startedAt: null })
    goOn.resolve()
    expect(await embedded.jobs.finished(first.id)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await embedded.run(SECOND)).toMatchObject({ state: 'SUCCEEDED' })
  })
})

describe('an earlier date that is run after a later one', () => {
  test('leaves the history of the later one, which its next run makes whole', async () => {
    await embedded.makeDay(FIRST)
    await embedded.makeDay(SECOND)
    await embedded.run(SECOND)
    expect(await embedded.run(FIRST)).toMatchObject({ message: expect.stringMatching(/of 7 tables for 2026-11-18/) })
    const stage = embedded.domain.runs(2)[1]!.steps.find(({ name }) => name === 'stage')
    expect(stage?.message).toBe('A later date is published, so dim_citizen stays as it is.')
    expect((await embedded.rows('dim_citizen', SECOND)).every(row => row.valid_from === SECOND)).toBe(true)
    await embedded.run(SECOND)
    expect((await embedded.rows('dim_citizen', SECOND)).filter(row => row.valid_from === FIRST)).toHaveLength(400)
  })
})

describe('a plan', () => {
  const steps = async (date: string) =>
    (await embedded.domain.plan(date)).steps.map(({ name, state, message }) => `${name} ${state}: ${message}`)

  test('says what would be done for a date that has never been run, and does none of it', async () => {
    await embedded.makeDay(FIRST)
    const { problems } = await embedded.domain.plan(FIRST)
    expect(problems).toEqual([])
    const planned = await steps(FIRST)
    expect(planned[0]).toMatch(
      /^ingest QUEUED: Lands dt=2026-11-18\/citizens_data\.csv of file:.* \([\d,]+ bytes\), and the tables regions, occupations\.$/,
    )
    expect(planned[1]).toMatch(/^transform agg_income QUEUED: What the citizens/)
    expect(planned.slice(-3)).toEqual([
      'stage QUEUED: Loads the rows of 8 tables beside those that are published.',
      expect.stringMatching(/^test QUEUED: Runs \d+ data tests\.$/),
      'publish QUEUED: Replaces nothing: the date has not been published yet.',
    ])
    expect(await embedded.storage.list('/')).toEqual([])
    expect(embedded.domain.runs(1)).toEqual([])
  })

  test('says what is missing', async () => {
    expect(await embedded.domain.plan(FIRST)).toMatchObject({
      problems: [expect.stringMatching(/^ingest: Expected a file at .*dt=2026-11-18/)],
    })
  })

  test('says what is done already, and the rows that would be replaced', async () => {
    await embedded.makeDay(FIRST)
    await embedded.run(FIRST)
    expect((await embedded.domain.plan(FIRST)).steps.every(({ state }) => state === 'SUCCEEDED')).toBe(true)
    await writeFile(
      join(transformsFolder, 'agg_marital.sql'),
      '-- description: Other.\nSELECT count(*) AS n FROM citizens',
    )
    const planned = await steps(FIRST)
    expect(planned[0]).toMatch(/^ingest SUCCEEDED: It was landed at /)
    expect(planned[1]).toBe('transform agg_income SUCCEEDED: It was made by an earlier attempt, from the same inputs.')
    expect(planned[2]).toBe('transform agg_marital QUEUED: Other.')
    expect(planned.at(-1)).toMatch(/^publish QUEUED: Replaces [\d,]+ rows: 8 of agg_income, 4 of agg_marital, /)
  })

  test('says that a landed date before has not been made', async () => {
    await embedded.makeDay(FIRST)
    await embedded.jobs.finished(embedded.domain.ingest(FIRST).id)
    await embedded.makeDay(SECOND)
    await embedded.jobs.finished(embedded.domain.ingest(SECOND).id)
    expect((await embedded.domain.plan(SECOND)).problems).toEqual([
      '2026-11-18 is landed but not made: run it first, or dim_citizen will not have its changes.',
    ])
  })
})

describe('a table', () => {
  test('that nobody knows is NOT_FOUND, with the nearest name', async () => {
    await expect(embedded.rows('agg_incone', FIRST)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: 'Did you mean agg_income?',
    })
    await expect(embedded.rows('x; DROP TABLE y', FIRST)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('that no run has made yet says so', async () => {
    await expect(embedded.domain.rows('agg_income', null, 1)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'Expected rows of agg_income, but no date has been published yet.',
    })
  })
})
