import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { SMALL_TABLES } from '../setup/smallTables.ts'
import { type PythonClient, pythonClient } from './pythonClient.ts'

const MIGRATED = /^Migrated 4 loans with 4 columns in 2 counties to \/hdma-wi-2021\.parquet \(.+\)\.\n$/

/** Somebody's client, which nobody told that the system behind it is another one; the tests build on one another. */
describe('a Python client with grpcio', () => {
  let client: PythonClient
  let database: MysqlDatabase
  let server: GrpcServer
  const root = `/python-client-${randomUUID()}`
  const storageUrl = inject('cluster').env.MILLRACE_STORAGE_URL!

  beforeAll(async () => {
    client = await pythonClient()
    database = await createMysqlDatabase(inject('cluster').env.MILLRACE_SOURCE_URL!)
    for (const statement of SMALL_TABLES) await database.connection.query(statement)
    server = await startServer({ sourceUrl: database.url, storageUrl: storageUrl + root })
  })
  afterAll(async () => {
    await server.close()
    await database.drop()
    await client.dispose()
    const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
    await storage.remove(root)
    await storage.close()
  })

  const ask = (...args: string[]) => client.run(server.address, ...args)

  test('is told before the first copy that there is none', async () => {
    expect(await ask('CalcAvgLoan', '-c', '55001')).toBe(
      'error: No loans have been migrated yet: there is no /hdma-wi-2021.parquet in the storage. Run the mutation migrateLoans (or the command DbToHdfs) first.\n',
    )
    expect(await ask('BlockLocations', '-f', '/hdma-wi-2021.parquet')).toMatch(/^error: .*\/hdma-wi-2021\.parquet/)
  })

  test('gets the three answers', async () => {
    expect(await ask('DbToHdfs')).toMatch(MIGRATED)
    expect(await ask('BlockLocations', '-f', '/hdma-wi-2021.parquet')).toMatch(
      /^\{'127\.0\.0\.1[123]': 1, '127\.0\.0\.1[123]': 1\}\n$/,
    )
    expect(await ask('CalcAvgLoan', '-c', '55001')).toBe('150000\ncreate\n')
    expect(await ask('CalcAvgLoan', '-c', '55001')).toBe('150000\nreuse\n')
  })

  test('gets an average made anew after a second copy', async () => {
    expect(await ask('DbToHdfs')).toMatch(MIGRATED)
    expect(await ask('CalcAvgLoan', '-c', '55001')).toBe('150000\nrecreate\n')
  })

  test('reads what is wrong with a path or a county', async () => {
    expect(await ask('BlockLocations', '-f', '/none.parquet')).toMatch(/^error: .*\/none\.parquet/)
    expect(await ask('BlockLocations', '-f', 'a/../b')).toMatch(/^error: Expected an absolute storage path/)
    expect(await ask('CalcAvgLoan', '-c', '55005')).toMatch(
      /^error: No migrated loan is in county 55005 \(Barron County\)\./,
    )
    expect(await ask('CalcAvgLoan', '-c', '7')).toMatch(/^error: Expected a county code, .* but got 7\./)
  })

  describe('and a MySQL that can be stopped', () => {
    let cluster: Cluster
    let sourceUrl: string
    beforeAll(async () => {
      cluster = await startOwnCluster({ services: ['mysql'] })
      const stoppable = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
      for (const statement of SMALL_TABLES) await stoppable.connection.query(statement)
      await stoppable.connection.end()
      await cluster.kill('mysql')
      sourceUrl = stoppable.url
    })
    afterAll(() => cluster.destroy())

    test('is told after the wait that it does not answer', async () => {
      const waiting = await startServer({ sourceUrl, storageUrl: storageUrl + root, sourceWaitSeconds: 1 })
      onTestFinished(waiting.close)
      expect(await client.run(waiting.address, 'DbToHdfs')).toMatch(
        /^error: The source was not ready within 1 s\. .*Start the database/,
      )
      expect(await ask('CalcAvgLoan', '-c', '55001')).toBe('150000\nreuse\n')
    })

    test('waits in DbToHdfs while it is starting', async () => {
      const waiting = await startServer({ sourceUrl, storageUrl: storageUrl + root, sourceWaitSeconds: 100 })
      onTestFinished(waiting.close)
      const answer = client.run(waiting.address, 'DbToHdfs')
      await migrationSays(waiting.jobs, /^Waiting up to \d+ s more for the source\./)
      await cluster.restart('mysql')
      expect(await answer).toMatch(MIGRATED)
    })
  })
})

interface GrpcServer {
  address: string
  jobs: Jobs
  readonly close: () => Promise<void>
}

/** The whole program with its gRPC port open, in a data directory of its own. */
async function startServer(env: {
  sourceUrl: string
  storageUrl: string
  sourceWaitSeconds?: number
}): Promise<GrpcServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-grpc-'))
  const config = readConfig({
    MILLRACE_SOURCE_URL: env.sourceUrl,
    MILLRACE_STORAGE_URL: env.storageUrl,
    MILLRACE_SOURCE_WAIT_SECONDS: String(env.sourceWaitSeconds ?? 5),
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    MILLRACE_GRPC_PORT: '0',
  })
  const app = await createApp(config, { log: pino({ level: 'silent' }) })
  const { grpcAddress } = await app.listen()
  return {
    address: grpcAddress!,
    jobs: app.domains.jobs,
    async close() {
      await app.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

/** Once the newest migration has a message like this; an error where it ends without. */
async function migrationSays(jobs: Jobs, words: RegExp): Promise<void> {
  const newest = () => jobs.list({ kind: 'MIGRATE_LOANS', first: 1 })
  await expect.poll(newest, { timeout: 30_000, interval: 10 }).toHaveLength(1)
  for await (const { message } of jobs.watch(newest()[0]!.id)) if (words.test(message ?? '')) return
  throw new Error(`expected the migration to say ${String(words)}, but it ended`)
}
