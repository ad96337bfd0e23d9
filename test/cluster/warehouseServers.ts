import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { runCommand } from '../../harness/command.ts'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { inboxPath } from '../../src/warehouse/ingest/ingestCitizens.ts'
import { createCitizens } from '../../src/warehouse/sample/createCitizens.ts'
import { fillReferenceTables } from '../setup/embeddedWarehouse.ts'

const ROWS = 500
const PASSWORDS = { postgres: 'canary-of-postgres', inbox: 'canary-of-the-inbox' }
const DAY_MILLIS = 86_400_000
const SLOW = { timeout: 600_000 }

/** Whole servers, each test with a database and a folder of its own on a cluster of HDFS, Spark and PostgreSQL. */
export function testWarehouseServers(clusterOf: () => Cluster): void {
  describe('servers', SLOW, () => {
    let folder: string
    let logged: string
    const apps: App[] = []
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-servers-'))
      logged = ''
    })
    afterEach(async () => {
      await Promise.all(apps.splice(0).map(app => app.close()))
      await rm(folder, { recursive: true })
    })

    /** The variables that bind a server to a database and a folder that nobody has used. */
    async function ownPlace(name: string): Promise<Record<string, string>> {
      const { env } = clusterOf()
      const url = env.MILLRACE_WAREHOUSE_URL!
      await asOwner(url, `CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORDS.postgres}'`)
      await asOwner(url, `CREATE DATABASE ${name} OWNER ${name}`)
      const own = new URL(url)
      own.username = name
      own.password = PASSWORDS.postgres
      own.pathname = name
      return {
        ...env,
        MILLRACE_WAREHOUSE_URL: own.href,
        MILLRACE_STORAGE_URL: `${env.MILLRACE_STORAGE_URL}/${name}`,
        MILLRACE_PORT: '0',
      }
    }

    async function startServer(name: string, environment: Record<string, string>): Promise<App> {
      const source = join(folder, `${name}.duckdb`)
      await fillReferenceTables(source)
      const config = readConfig({
        ...environment,
        MILLRACE_SOURCE_URL: `duckdb:${source}`,
        MILLRACE_DATA_DIR: join(folder, name),
      })
      const log = pino({ level: 'trace' }, { write: text => (logged += text) })
      const app = await createApp(config, { log })
      apps.push(app)
      await app.listen()
      return app
    }

    test('of which two have the same schedule run each date once', async () => {
      const yesterday = new Date(Date.now() - DAY_MILLIS).toISOString().slice(0, 10)
      const inbox = join(folder, 'inbox')
      await createCitizens({ file: join(inbox, inboxPath(yesterday)), date: yesterday, rows: ROWS })
      const place = await ownPlace('two_servers')
      const environment = {
        ...place,
        MILLRACE_CITIZENS_URL: `file:${inbox}`,
        MILLRACE_WAREHOUSE_SCHEDULE: '* * * * * *',
        MILLRACE_WAREHOUSE_CATCH_UP_DAYS: '1',
      }
      const servers = await Promise.all(['one', 'other'].map(name => startServer(name, environment)))
      const runs = () => servers.flatMap(({ domains }) => domains.warehouse.runs(9))
      await expect.poll(() => runs().map(({ state }) => state), { timeout: SLOW.timeout }).toContain('SUCCEEDED')
      const started = servers.flatMap(({ domains }) => domains.jobs.list({ kind: 'WAREHOUSE_RUN', first: 9 }))
      expect(started).toHaveLength(1)
      const loads = await asOwner(place.MILLRACE_WAREHOUSE_URL!, 'SELECT logical_date::TEXT FROM millrace.loads')
      expect(loads).toEqual([{ logical_date: yesterday }])
    })

    test('never show a password or a token, neither in what succeeds nor in what fails', async () => {
      const date = '2026-01-20'
      const inbox = await startInbox(join(folder, 'inbox'))
      try {
        const environment = {
          ...(await ownPlace('canary')),
          // Its log tells of dates that cannot be run.
          MILLRACE_WAREHOUSE_SCHEDULE: '* * * * * *',
          MILLRACE_WAREHOUSE_CATCH_UP_DAYS: '1',
          MILLRACE_CITIZENS_URL: `http://millrace:${PASSWORDS.inbox}@127.0.0.1:${(inbox.address() as AddressInfo).port}/`,
        }
        await createCitizens({ file: join(folder, 'inbox', inboxPath(date)), date, rows: ROWS })
        const { warehouse, jobs, systems } = (await startServer('canary', environment)).domains
        const finished = async (day: string) => await jobs.finished(warehouse.run(day).id)
        const told: unknown[] = [await warehouse.plan(date)]
        const done = await finished(date)
        expect(done).toMatchObject({ state: 'SUCCEEDED' })
        const missing = await finished('2026-01-21')
        expect(missing).toMatchObject({ state: 'FAILED', errorCode: 'NOT_FOUND' })
        await asOwner(clusterOf().env.MILLRACE_WAREHOUSE_URL!, `ALTER ROLE canary PASSWORD 'another'`)
        const refused = await finished(date)
        expect(refused).toMatchObject({ state: 'FAILED', errorCode: 'FORBIDDEN' })
        await expect.poll(() => logged, SLOW).toContain('the scheduled dates could not be run')
        told.push(done, missing, refused, warehouse.runs(9), await systems.statuses())

        const token = /token=([^;]+)/.exec(clusterOf().env.MILLRACE_ENGINE_URL!)![1]!
        const pair = Buffer.from(`millrace:${PASSWORDS.inbox}`).toString('base64')
        const shown: Record<string, string> = {
          "Millrace's answers": JSON.stringify(told),
          "Millrace's log": logged,
          "Millrace's own files": await textsBelow(join(folder, 'canary')),
          'the processes': await runCommand('ps', ['-eo', 'args']),
          "Spark's pages": await sparkPages(clusterOf()),
          "Spark's folder": await textsBelow(join(clusterOf().folder, 'spark')),
          "PostgreSQL's log": await readFile(logOf(clusterOf(), 'postgres'), 'utf8'),
          "the NameNode's log": await readFile(logOf(clusterOf(), 'namenode'), 'utf8'),
        }
        for (const [where, text] of Object.entries(shown)) {
          expect(text.length, where).toBeGreaterThan(0)
          for (const secret of [PASSWORDS.postgres, PASSWORDS.inbox, pair, token]) {
            expect(text.includes(secret), `${secret} in ${where}`).toBe(false)
          }
        }
      } finally {
        inbox.close()
      }
    })
  })
}

async function asOwner(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows as unknown[]
  } finally {
    await client.end()
  }
}

/** Files of a folder, for those who know the password. */
async function startInbox(folder: string): Promise<Server> {
  const expected = `Basic ${Buffer.from(`millrace:${PASSWORDS.inbox}`).toString('base64')}`
  const server = createServer((request, response) => {
    if (request.headers.authorization !== expected) return void response.writeHead(401).end()
    readFile(join(folder, new URL(request.url!, 'http://inbox').pathname)).then(
      content =>
        response.writeHead(200, { 'content-length': content.length }).end(request.method === 'HEAD' ? '' : content),
      () => response.writeHead(404).end(),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** All that the REST API behind Spark's pages tells of the application: settings, plans, jobs, stages, executors. */
async function sparkPages({ folder }: Cluster): Promise<string> {
  const { spark } = JSON.parse(await readFile(join(folder, 'cluster.json'), 'utf8')) as {
    spark: { connect: { webPort: number } }
  }
  const applications = `http://127.0.0.1:${spark.connect.webPort}/api/v1/applications`
  const ask = async (path: string) => await (await fetch(`${applications}${path}`)).text()
  const [application] = JSON.parse(await ask('')) as { id: string }[]
  const paths = ['environment', 'sql?details=true&planDescription=true&length=10000', 'jobs', 'stages', 'allexecutors']
  const pages = await Promise.all(paths.map(path => ask(`/${application!.id}/${path}`)))
  expect(pages[0]).toContain('spark.master')
  expect(pages[1]).toContain('dim_citizen')
  return pages.join('\n')
}

async function textsBelow(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const texts = files
    .filter(file => file.isFile())
    .map(file => readFile(join(file.parentPath, file.name), 'latin1').catch(goneSince))
  return (await Promise.all(texts)).join('\n')
}

/** Temporary files of a program that runs. */
function goneSince(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}

function logOf(cluster: Cluster, daemon: string): string {
  return cluster.status().find(({ name }) => name === daemon)!.logFile
}
