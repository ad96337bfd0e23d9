import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowDataPacket } from 'mysql2/promise'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { waitUntil } from '../../harness/wait.ts'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

const HEALS_WITHIN_MILLIS = 60_000
/** How old the oldest row may be that is in the source and in no file. */
const LAG_MILLIS = 2_000
/** The lag must stay so small for so long. */
const STEADY_MILLIS = 3_000
const LOOK_MILLIS = 250

let cluster: Cluster
let database: MysqlDatabase
let dataDir: string
let app: App
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql', 'hdfs', 'kafka'], kafka: { brokers: 3 } })
  await cluster.waitForLiveDataNodes(3)
  database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-weather-faults-'))
  const config = readConfig({
    ...cluster.env,
    MILLRACE_SOURCE_URL: database.url,
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    MILLRACE_WEATHER_REPLICATION: '3',
    // 500 rows a second.
    MILLRACE_WEATHER_DELAY_SECONDS: '0.02',
    MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.5',
  })
  app = await createApp(config, { log: pino({ level: 'silent' }), announce: false })
})
afterAll(async () => {
  await app?.close()
  await database?.connection.end()
  await rm(dataDir, { recursive: true, force: true })
  await cluster.destroy()
})

/** How many rows the source had, and when. */
let samples: { atMillis: number; rows: number }[]
/** In files before the job began. */
let storedBefore: number
beforeEach(async () => {
  samples = []
  const partitions = await app.domains.weather.partitions()
  storedBefore = partitions.reduce((sum, { rows }) => sum + rows, 0)
})

/** How long ago the oldest row came that no file has, as far as the job knows. Costs the storage nothing. */
async function lagMillis(): Promise<number> {
  const atMillis = performance.now()
  const [rows] = await database.connection.query<RowDataPacket[]>('SELECT MAX(id) AS last FROM temperatures')
  samples.push({ atMillis, rows: Number(rows[0]?.last ?? 0) })
  const stored = storedBefore + job().progress.done
  const waiting = samples.find(({ rows }) => rows > stored)
  return waiting ? performance.now() - waiting.atMillis : 0
}

/** Waits until the lag is small and stays so; returns how long it took until then, in seconds. */
async function untilHealed(): Promise<number> {
  const start = performance.now()
  let smallSince: number | undefined
  let lag = 0
  await waitUntil(
    {
      description: `the lag to be below ${LAG_MILLIS} ms for ${STEADY_MILLIS} ms`,
      timeoutMillis: HEALS_WITHIN_MILLIS + STEADY_MILLIS,
      pollMillis: LOOK_MILLIS,
      detail: () => `lag: ${lag.toFixed(0)} ms; job: ${job().message}`,
    },
    async () => {
      lag = await lagMillis()
      if (lag > LAG_MILLIS) smallSince = undefined
      else smallSince ??= performance.now()
      return smallSince !== undefined && performance.now() - smallSince >= STEADY_MILLIS
    },
  )
  return Math.round((smallSince! - start) / 100) / 10
}

function job() {
  return app.domains.jobs.list({ kind: 'WEATHER', first: 1 })[0]!
}

async function proveAndStop(): Promise<void> {
  const stopped = await app.domains.weather.stop()
  expect(stopped).toMatchObject({ state: 'SUCCEEDED' })
  expect(await app.domains.weather.verify()).toMatchObject({ ok: true, missing: 0, duplicated: 0 })
}

test.each(['kafka-1', 'kafka-2', 'datanode-1', 'datanode-3'])(
  '%s killed under load, and back: the stream heals by itself, and every row is stored once',
  async name => {
    await app.domains.weather.start({ generate: true })
    await waitUntil(
      {
        description: 'the first rows to be stored',
        timeoutMillis: HEALS_WITHIN_MILLIS,
        detail: () => job().message ?? '',
      },
      () => job().progress.done > 0,
    )
    await untilHealed()
    const rowsBefore = job().progress.done
    await cluster.kill(name)
    const without = await untilHealed()
    expect(job().progress.done).toBeGreaterThan(rowsBefore)
    await cluster.restart(name)
    const again = await untilHealed()
    console.log(`${name} killed: lag below ${LAG_MILLIS / 1_000} s after ${without} s; restarted: after ${again} s`)
    await proveAndStop()
  },
  300_000,
)
