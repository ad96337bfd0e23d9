import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { parsePostgresUrl } from '../../src/datasources/postgres/url.ts'
import type { Warehouse } from '../../src/datasources/warehouse.ts'
import { OWN_TRANSFORMS } from '../../src/warehouse/transforms/readTransforms.ts'
import type { Step } from '../../src/warehouse/warehouse.ts'
import { type CommitProxy, type CommitWatch, openCommitProxy } from '../setup/commitProxy.ts'
import { distributedWarehouse } from '../setup/distributedWarehouse.ts'
import { type EmbeddedWarehouse, embeddedWarehouse } from '../setup/embeddedWarehouse.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { type Answer, differences, expectSameAnswer } from '../setup/sameAnswer.ts'
import { watchedEngine, watchedWarehouse } from '../setup/warehouseMoments.ts'

const BEFORE = '2026-11-19'
const DATE = '2026-11-20'
const ROWS = 1_500
const MOST_ROWS = 10_000
const OWN_TABLES = ['agg_income', 'dim_citizen', 'fact_citizens']
/** Takes Spark some seconds: long enough for somebody to be killed meanwhile. */
const SLOW_TABLE = `-- description: Pairs of citizens.
SELECT count(DISTINCT md5(CAST(a.citizen_id * 7919 + b.citizen_id AS STRING))) AS pairs,
  sum(CASE WHEN a.region = 'R01' THEN a.annual_income END) AS income
FROM citizens a CROSS JOIN citizens b`
const SETUP_MILLIS = 900_000

/** By table. */
type Published = Record<string, Answer>

/** Somebody is killed in the middle of a whole run; the machines are those of the harness. Each waits for JVMs, on two cores that others use too. */
describe('a run through HDFS, Spark and PostgreSQL', { timeout: 600_000 }, () => {
  let cluster: Cluster
  let folder: string
  let proxy: CommitProxy
  let watch: CommitWatch = {}
  let site: EmbeddedWarehouse
  /** What is published for the date, and what the file in the inbox makes of it: they change places after each run. */
  let old: Published
  let fresh: Published
  let armed: { moment: string; fault: () => Promise<void>; struck: PromiseWithResolvers<void> } | undefined

  beforeAll(async () => {
    cluster = await startOwnCluster({ services: ['hdfs', 'spark', 'postgres'] })
    folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-faults-'))
    const transformsFolder = join(folder, 'transforms')
    await mkdir(transformsFolder)
    for (const name of OWN_TABLES) {
      await copyFile(join(OWN_TRANSFORMS, `${name}.sql`), join(transformsFolder, `${name}.sql`))
    }
    await writeFile(join(transformsFolder, 'slow.sql'), SLOW_TABLE)

    const embedded = await embeddedWarehouse({ transformsFolder })
    for (const day of [BEFORE, DATE]) {
      await embedded.makeDay(day, ROWS)
      expect(await embedded.run(day)).toMatchObject({ state: 'SUCCEEDED' })
    }
    old = await published(embedded.warehouse)
    await embedded.changeDay(DATE, exchange)
    expect(await embedded.run(DATE, { force: true })).toMatchObject({ state: 'SUCCEEDED' })
    fresh = await published(embedded.warehouse)
    await embedded.close()
    expect(Object.keys(fresh)).toHaveLength(4)
    expect(isSame(old, fresh)).toBe(false)

    const { host, port } = parsePostgresUrl(cluster.env.MILLRACE_WAREHOUSE_URL!)
    proxy = await openCommitProxy(
      { host, port },
      { committing: () => watch.committing?.(), committed: () => watch.committed?.() ?? true },
    )
    const throughProxy = cluster.env.MILLRACE_WAREHOUSE_URL!.replace(`:${port}/`, `:${proxy.port}/`)
    site = await distributedWarehouse(
      { ...cluster.env, MILLRACE_WAREHOUSE_URL: throughProxy },
      {
        transformsFolder,
        note: () => {}, // stages that cannot be removed from a PostgreSQL that is gone
        wrap: {
          engine: engine => watchedEngine(engine, reach),
          warehouse: warehouse => watchedWarehouse(warehouse, reach),
        },
      },
    )
    for (const day of [BEFORE, DATE]) {
      await site.makeDay(day, ROWS)
      expect(await site.run(day)).toMatchObject({ state: 'SUCCEEDED' })
    }
    await expectPublished(old)
    await site.changeDay(DATE, exchange)
  }, SETUP_MILLIS)
  afterEach(() => {
    armed = undefined
    watch = {}
  })
  afterAll(async () => {
    await site.close()
    proxy.close()
    await cluster.destroy()
    await rm(folder, { recursive: true })
  })

  async function reach(moment: string): Promise<void> {
    if (armed?.moment !== moment) return
    const { fault, struck } = armed
    armed = undefined
    await fault().then(struck.resolve, struck.reject)
  }

  /** The job of a run in which the fault has come at that moment, and has been carried out. */
  async function runWith(moment: string, fault: () => Promise<void>) {
    const struck = Promise.withResolvers<void>()
    armed = { moment, fault, struck }
    const job = await site.run(DATE, { force: true })
    expect(armed, `the run came to "${moment}": ${job.message}`).toBeUndefined()
    await struck.promise
    return job
  }

  async function expectPublished(expected: Published): Promise<void> {
    const found = await published(site.wrapped.warehouse)
    for (const [name, answer] of Object.entries(expected)) expectSameAnswer(found[name]!, answer)
  }

  /** The run that follows the fault makes the date that of the inbox; then the inbox gets the other file. */
  async function finish(): Promise<void> {
    expect(await site.run(DATE, { force: true })).toMatchObject({ state: 'SUCCEEDED' })
    await expectFinished()
  }
  async function expectFinished(): Promise<void> {
    await expectPublished(fresh)
    expect(await site.wrapped.warehouse.stages()).toEqual([])
    ;[old, fresh] = [fresh, old]
    await site.changeDay(DATE, exchange)
  }

  function transformsOf(isWanted: (step: Step) => boolean): string[] {
    const [run] = site.domain.runs(1)
    return run!.steps.filter(step => step.name.startsWith('transform') && isWanted(step)).map(({ name }) => name)
  }

  test('goes on where a Spark worker is killed while it computes', async () => {
    const job = await runWith('while slow is made', () => cluster.kill('spark-worker-1'))
    expect(job).toMatchObject({ state: 'SUCCEEDED' })
    await expectFinished()
    await cluster.restart('spark-worker-1')
  })

  test('fails where the Connect server is killed, and the retry goes on from what was made', async () => {
    const job = await runWith('while slow is made', () => cluster.kill('spark-connect'))
    expect(job).toMatchObject({ state: 'FAILED', errorCode: 'UNAVAILABLE' })
    const made = transformsOf(step => step.state === 'SUCCEEDED')
    expect(made.length).toBeGreaterThan(0)
    await expectPublished(old)
    expect(await site.run(DATE, { force: true })).toMatchObject({ state: 'FAILED', errorCode: 'UNAVAILABLE' })
    await cluster.restart('spark-connect')
    await finish()
    expect(transformsOf(({ message }) => message === 'It was made by an earlier attempt.')).toEqual(made)
  })

  test('fails where PostgreSQL is killed between stage and publish, and keeps the old rows', async () => {
    const job = await runWith('before the date is published', () => cluster.kill('postgres'))
    expect(job).toMatchObject({ state: 'FAILED', errorCode: 'UNAVAILABLE' })
    await cluster.restart('postgres')
    await expectPublished(old)
    await finish()
  })

  test.each([
    ['before PostgreSQL hears of the commit, the date has its old rows', 'committing', 'old'],
    ['after PostgreSQL has committed, before anybody knows, it has its new ones', 'committed', 'fresh'],
  ] as const)('killed %s', async (_when, moment, expected) => {
    let kills = 0
    const kill = async () => {
      kills += 1
      watch = {}
      await cluster.kill('postgres')
      return false
    }
    watch = { [moment]: kill }
    const job = await site.run(DATE, { force: true })
    expect([kills, job]).toMatchObject([1, { state: 'FAILED', errorCode: 'UNAVAILABLE' }])
    await cluster.restart('postgres')
    await expectPublished(expected === 'old' ? old : fresh)
    await finish()
  })

  test('killed while PostgreSQL commits, the date is wholly the old one or the new', async () => {
    let killing: Promise<void> | undefined
    watch = {
      committing() {
        killing ??= cluster.kill('postgres')
      },
    }
    await site.run(DATE, { force: true })
    await killing
    await cluster.restart('postgres')
    const left = await published(site.wrapped.warehouse)
    expect([isSame(left, old), isSame(left, fresh)]).toContain(true)
    await finish()
  })
})

/** Two regions change their citizens, which shows in every table; done twice, all is as it was. */
function exchange(text: string): string {
  return text.replaceAll(/,(R01|R02),/g, (_, region) => (region === 'R01' ? ',R02,' : ',R01,'))
}

async function published(warehouse: Warehouse): Promise<Published> {
  const names = [...OWN_TABLES, 'slow']
  const answers = names.map(name => warehouse.rows(name, { date: DATE, first: MOST_ROWS }))
  return Object.fromEntries((await Promise.all(answers)).map((answer, index) => [names[index]!, answer]))
}

function isSame(one: Published, other: Published): boolean {
  return Object.entries(one).every(([name, answer]) => differences(answer, other[name]!).length === 0)
}
