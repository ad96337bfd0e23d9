import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { waitUntil } from '../../harness/wait.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { parseTemporaryName, temporaryName } from '../../src/datasources/publish.ts'
import { parseSparkUrl } from '../../src/datasources/spark/url.ts'
import { sparkEngine } from '../../src/datasources/sparkEngine.ts'
import { childOf, nameOf } from '../../src/datasources/storagePath.ts'
import { visibleFiles } from '../../src/datasources/viewFiles.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { askRpcUrl } from '../../src/datasources/webhdfs/rpcUrl.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import type { CountyAverage } from '../../src/loans/loans.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { PARTITIONS_FOLDER } from '../../src/loans/partitionFile.ts'
import { loadSampleInto } from '../../src/loans/sample/loadSample.ts'
import { createAllTypesTables } from '../setup/allTypes.ts'
import { expectAllTypes } from '../setup/allTypesValues.ts'
import { builtServer } from '../setup/builtServer.ts'
import { type ClusterApp, clusterApp } from '../setup/clusterApp.ts'
import { localCopy } from '../setup/localCopy.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { fingerprintOfSource, fingerprintOfStored } from '../setup/sampleFingerprint.ts'
import { COUNTIES, figuresOf, fillLoans, raiseLoans, sourcesOf, trueFigures } from '../setup/wisconsinLoans.ts'

const MIGRATION_MILLIS = 600_000

let cluster: Cluster
let database: MysqlDatabase
let running: ClusterApp
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql', 'hdfs', 'spark'] })
})
afterAll(() => cluster.destroy())

afterEach(async () => {
  await running.close()
  await database.drop()
})

async function open(options: { sparkAboveRows?: number; sourceUrl?: string } = {}): Promise<void> {
  const { MILLRACE_STORAGE_URL: storageUrl, MILLRACE_ENGINE_URL: engineUrl } = cluster.env
  running = await clusterApp({
    sourceUrl: database.url,
    storageUrl: `${storageUrl}/${randomUUID()}`,
    engineUrl: engineUrl!,
    ...options,
  })
}

/** What lies at the root of the storage, hidden or not. */
async function names(): Promise<string[]> {
  const found = await running.storage.list('/')
  return found.map(({ path }) => nameOf(path)).filter(name => name !== '.millrace')
}

async function dropPartitions(): Promise<void> {
  await running.storage.remove(PARTITIONS_FOLDER)
}

describe('half of the sample, migrated by Spark', () => {
  beforeEach(async () => {
    database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
    await loadSampleInto(database.url)
    await database.connection.query('DELETE FROM loans WHERE RAND(1) < 0.5')
    await open()
  }, MIGRATION_MILLIS)

  test(
    'is the same as migrated by Millrace: every value, all averages, and what a cached average costs',
    async () => {
      const source = await fingerprintOfSource(database)
      const job = await running.migrate('SPARK')
      const loans = Number(source.rows)
      expect(job).toMatchObject({ state: 'SUCCEEDED', progress: { done: loans, total: loans } })
      expect(loans).toBeGreaterThan(200_000)
      expect(await fingerprintOfStored(running.storage)).toEqual({ ...source, columns: 100n })

      const { storage } = running
      const files = await visibleFiles(storage, LOANS_PATH, {})
      expect(files).toHaveLength(73)
      const length = sum(files.map(file => file.length))
      const blocks = await running.app.domains.systems.blockLocations(LOANS_PATH)
      expect(blocks).toMatchObject({ length, replication: 2, blockBytes: 1 << 20 })
      expect(sum(blocks.blocks.map(block => block.length))).toBe(length)
      expect(blocks.blocks.every(({ length, dataNodes }) => length <= 1 << 20 && dataNodes.length === 2)).toBe(true)

      const truth = await trueFigures(database)
      const created = await running.averages(COUNTIES)
      expect(figuresOf(created)).toEqual(truth)
      expect(new Set(sourcesOf(created).values())).toEqual(new Set(['CREATE']))
      const reused = await running.averages(COUNTIES)
      expect(figuresOf(reused)).toEqual(truth)
      expect(new Set(sourcesOf(reused).values())).toEqual(new Set(['REUSE']))

      await dropPartitions()
      expect(await running.migrate('LOCAL')).toMatchObject({ state: 'SUCCEEDED' })
      const createdLocally = await running.averages(COUNTIES)
      expect(figuresOf(createdLocally)).toEqual(truth)
      const reusedLocally = await running.averages(COUNTIES)
      expect(requestsOf(reused)).toBe(requestsOf(reusedLocally))
      expect(bytesOf(reused)).toBeLessThan(1.3 * bytesOf(reusedLocally))
    },
    MIGRATION_MILLIS,
  )
})

test(
  'every SQL type at its extremes comes through Spark as MySQL itself prints it, and dates that no calendar has as NULL',
  async () => {
    database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
    await createAllTypesTables(database.connection)
    await open()
    expect(await running.migrate('SPARK')).toMatchObject({ state: 'SUCCEEDED' })
    await expectAllTypes(database, running.storage)

    await database.connection.query('RENAME TABLE loans TO all_types, zero_dates TO loans')
    expect(await running.migrate('SPARK')).toMatchObject({ state: 'SUCCEEDED' })
    const copy = await localCopy(running.storage, LOANS_PATH)
    const names = 'date, datetime_0, datetime_6, CAST(timestamp_6 AS VARCHAR)'
    const rows = await copy.rows(`SELECT DISTINCT ${names} FROM ${copy.table} ORDER BY ALL`)
    await copy.close()
    expect(rows).toEqual([
      [null, null, null, expect.stringContaining('2021-06-01')],
      [null, null, null, null],
    ])
  },
  MIGRATION_MILLIS,
)

describe('a few thousand loans', () => {
  beforeEach(async () => {
    database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
    await fillLoans(database, 20_000)
    await open({ sparkAboveRows: 1_000 })
  })

  test('go through Spark by themselves above the row count that is set, and not below', async () => {
    expect(await running.migrate()).toMatchObject({ state: 'SUCCEEDED', message: expect.stringMatching(/by Spark/) })
    expect((await running.storage.stat(LOANS_PATH)).kind).toBe('folder')
    await database.connection.query('DELETE FROM loans WHERE id > 1000')
    expect(await running.migrate()).toMatchObject({ state: 'SUCCEEDED' })
    expect((await running.storage.stat(LOANS_PATH)).kind).toBe('file')
    expect(figuresOf(await running.averages([...(await trueFigures(database)).keys()]))).toEqual(
      await trueFigures(database),
    )
  })

  test(
    'are the old ones or the new ones to readers, whatever replaces what, and nothing is left beside them',
    async () => {
      await running.migrate('LOCAL')
      const truths = [JSON.stringify([...(await trueFigures(database))])]
      let reading = true
      const readers = (async () => {
        let latest = 0
        while (reading) {
          const seen = truths.indexOf(JSON.stringify([...figuresOf(await running.averages(COUNTIES))]))
          expect(seen).toBeGreaterThanOrEqual(latest)
          latest = seen
        }
      })()
      for (const engine of ['SPARK', 'SPARK', 'LOCAL'] as const) {
        await raiseLoans(database, 7)
        truths.push(JSON.stringify([...(await trueFigures(database))]))
        expect(await running.migrate(engine)).toMatchObject({ state: 'SUCCEEDED' })
        expect(await names()).toEqual([nameOf(LOANS_PATH), nameOf(PARTITIONS_FOLDER)])
      }
      reading = false
      await readers
    },
    MIGRATION_MILLIS,
  )

  test(
    'stay as they were when a migration is cancelled, or the database or Spark dies; what a killed server left goes with the next one',
    async () => {
      expect(await running.migrate('SPARK')).toMatchObject({ state: 'SUCCEEDED' })
      const truth = await trueFigures(database)
      const { loans, jobs } = running.app.domains
      await fillMore(database, 320_000)
      /** The job once Spark is at work. */
      const begun = async () => {
        const { id } = loans.migrate('SPARK')
        for await (const { message } of jobs.watch(id)) if (message?.startsWith('Spark reads')) break
        return id
      }

      expect(await jobs.cancel(await begun())).toMatchObject({ state: 'CANCELLED' })
      expect(figuresOf(await running.averages(COUNTIES))).toEqual(truth)

      for (const name of ['mysql', 'spark-connect']) {
        const id = await begun()
        await cluster.kill(name)
        expect(await jobs.finished(id)).toMatchObject({ state: 'FAILED', errorCode: 'UNAVAILABLE' })
        await cluster.restart(name)
        expect(figuresOf(await running.averages(COUNTIES))).toEqual(truth)
      }
      const connection = await createConnection({ uri: database.url })
      database = { ...database, connection, drop: () => connection.end() }

      const left = `/${temporaryName(nameOf(LOANS_PATH), 'another', randomUUID())}`
      await running.storage.create(childOf(left, '_written/part'), [Buffer.from('half')], {
        replication: 1,
        blockBytes: 1 << 20,
      })
      expect(await running.migrate('SPARK')).toMatchObject({ state: 'SUCCEEDED' })
      expect(await names()).toEqual([nameOf(LOANS_PATH), nameOf(PARTITIONS_FOLDER)])
    },
    MIGRATION_MILLIS,
  )
})

describe('many loans', () => {
  beforeEach(async () => {
    database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
    await fillLoans(database, 20_000)
    await open()
    expect(await running.migrate('LOCAL')).toMatchObject({ state: 'SUCCEEDED' })
  })

  test(
    'are the same as migrated by Millrace although a worker is killed with -9 while Spark writes them',
    async () => {
      await fillMore(database, 160_000)
      const { loans, jobs } = running.app.domains
      const { id } = loans.migrate('SPARK')
      await sparkWrites()
      await cluster.kill('spark-worker-1')
      expect(await jobs.finished(id)).toMatchObject({ state: 'SUCCEEDED' })
      await cluster.restart('spark-worker-1')
      expect(await names()).toEqual([nameOf(LOANS_PATH)])
      const bySpark = await storedRows()
      expect(await running.migrate('LOCAL')).toMatchObject({ state: 'SUCCEEDED' })
      expect(await storedRows()).toEqual(bySpark)
    },
    MIGRATION_MILLIS,
  )

  test(
    'are the old ones when the server is killed with -9 while Spark writes; what Spark goes on to do ends with the next migration',
    async () => {
      const old = await trueFigures(database)
      await fillMore(database, 160_000)
      const server = await builtServer(running.environment)
      try {
        await server.start()
        await server.ask('mutation { migrateLoans(engine: SPARK, wait: false) { id } }')
        await sparkWrites()
        await server.kill()
        expect(figuresOf(await running.averages(COUNTIES))).toEqual(old)
        await server.start()
        expect(await server.ask('{ jobs(first: 1) { state } }')).toEqual({ jobs: [{ state: 'INTERRUPTED' }] })
        expect(await server.ask('mutation { migrateLoans(engine: SPARK) { state } }')).toEqual({
          migrateLoans: { state: 'SUCCEEDED' },
        })
        expect(figuresOf(await running.averages(COUNTIES))).toEqual(await trueFigures(database))
        await waitUntil({ description: 'Spark to be idle', timeoutMillis: MIGRATION_MILLIS }, async () => {
          const [application] = await askSpark<{ id: string }[]>('')
          return (await askSpark<unknown[]>(`/${application!.id}/jobs?status=running`)).length === 0
        })
        expect(await names()).toEqual([nameOf(LOANS_PATH), nameOf(PARTITIONS_FOLDER)])
      } finally {
        await server.close()
      }
    },
    MIGRATION_MILLIS,
  )

  /** Spark has begun files of which nobody is told yet. */
  async function sparkWrites(): Promise<void> {
    await waitUntil({ description: 'files by Spark', timeoutMillis: MIGRATION_MILLIS, pollMillis: 20 }, async () => {
      const staged = (await names()).find(name => parseTemporaryName(name))
      if (!staged) return false
      const found = await running.storage.list(`/${staged}`)
      return found.some(({ path }) => nameOf(path) === '_written')
    })
  }

  /** How many, and a sum over the hashes of all values, by software that is not ours. */
  async function storedRows(): Promise<unknown> {
    const copy = await localCopy(running.storage, LOANS_PATH)
    try {
      return await copy.rows(`SELECT count(*), sum(hash(rows)) FROM ${copy.table} AS rows`)
    } finally {
      await copy.close()
    }
  }
})

test('a table is read and written by group: in files of so many rows, of one group each, with rows and digests', async () => {
  database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
  await database.connection.query('CREATE TABLE things (id INT PRIMARY KEY, kind INT, name TEXT)')
  await database.connection.query(
    `INSERT INTO things SELECT seq, NULLIF(seq % 3, 0), CONCAT('thing ', seq) FROM seq_1_to_9`,
  )
  await open()
  const source = mysqlSource({ url: database.url })
  const hdfs = parseWebHdfsUrl(cluster.env.MILLRACE_STORAGE_URL!)
  const engine = sparkEngine({
    address: parseSparkUrl(cluster.env.MILLRACE_ENGINE_URL!),
    storage: webHdfsStorage(hdfs),
    storageUrl: call => askRpcUrl(hdfs, call),
  })
  const whole = webHdfsStorage(hdfs)
  const session = await engine.openCluster!(randomUUID())
  const read = await source.jdbc!({ table: 'things', columns: await source.columns('things') }, 'id')
  await session.registerTable('things', read, 3)
  const folder = `/${randomUUID()}`
  const options = { groupBy: 'kind', layout: { replication: 3, blockBytes: 2 << 20 }, mostRows: 2 }
  const files = await session.writeGroups('SELECT * FROM things', folder, options)
  expect(files.map(({ group, path, rows }) => [group, nameOf(path), rows])).toEqual([
    [1, '1-2.parquet', 1],
    [1, '1.parquet', 2],
    [2, '2-2.parquet', 1],
    [2, '2.parquet', 2],
    [null, 'none-2.parquet', 1],
    [null, 'none.parquet', 2],
  ])
  expect((await whole.list(folder)).map(({ path }) => path)).toEqual(files.map(({ path }) => path).sort())
  for (const { path, length, sha256 } of files) {
    expect(await whole.stat(path)).toMatchObject({ length, replication: 3, blockBytes: 2 << 20 })
    const bytes = await whole.read(path, { offset: 0, length })
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
  }

  await expect(session.writeGroups('SELECT * FROM things', folder, options)).rejects.toMatchObject({ code: 'CONFLICT' })
  await expect(session.registerTable('Not a name', read, 3)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  await expect(session.registerTable('other', { ...read, driver: 'com.example.None' }, 3)).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    hint: expect.stringContaining('mariadb-java-client'),
  })
  const elsewhere = { ...read, url: read.url.replace(/:\d+\//, ':1/') }
  await expect(session.registerTable('other', elsewhere, 3)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await database.connection.query('DELETE FROM things')
  expect(await session.writeGroups('SELECT * FROM things', `${folder}/none`, options)).toEqual([])
  await whole.remove(folder)
  await Promise.all([engine.close(), source.close(), whole.close()])
})

test(
  'user and password are in no plan, page, event or log of Spark, nor a password that is refused',
  async () => {
    database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
    await fillLoans(database, 2_000)
    const password = `c4n4ry'$ {x}\\"${randomUUID()}`
    await database.connection.query(`CREATE USER 'canary'@'%' IDENTIFIED BY ?`, [password])
    await database.connection.query(`GRANT SELECT ON *.* TO 'canary'@'%'`)
    const url = new URL(database.url)
    url.username = 'canary'
    url.password = encodeURIComponent(password)
    await open({ sourceUrl: url.href })
    expect(await running.migrate('SPARK')).toMatchObject({ state: 'SUCCEEDED' })
    const shown = `${await sparkPages()}\n${await sparkFiles()}`
    expect(/TEMPORARY VIEW millrace_table_loans.{0,5000}dbtable.{0,5000}\(redacted\)/s.test(shown)).toBe(true)
    expect(around(shown, 'c4n4ry')).toEqual([])
    expect(around(shown, 'canary')).toEqual([])

    const source = mysqlSource({ url: url.href })
    const engine = sparkEngine({
      address: parseSparkUrl(cluster.env.MILLRACE_ENGINE_URL!),
      storage: running.storage,
      storageUrl: () => Promise.reject(new Error('no file is asked for')),
    })
    const session = await engine.openCluster!(randomUUID())
    const read = await source.jdbc!({ table: 'loans', columns: await source.columns('loans') }, 'id')
    const refused = session.registerTable('refused', { ...read, password: `${password}, not` }, 2)
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await Promise.all([engine.close(), source.close()])
    expect(around(`${await sparkPages()}\n${await sparkFiles()}`, 'c4n4ry')).toEqual([])
  },
  MIGRATION_MILLIS,
)

/** The places where a word stands in a text, with a little of what is around. */
function around(text: string, word: string): string[] {
  return Array.from(text.matchAll(new RegExp(`.{0,80}${word}.{0,20}`, 'g')), ([found]) => found)
}

async function askSpark<Answer>(path: string): Promise<Answer> {
  const { connect } = (JSON.parse(await readFile(join(cluster.folder, 'cluster.json'), 'utf8')) as SparkState).spark
  return (await (await fetch(`http://127.0.0.1:${connect.webPort}/api/v1/applications${path}`)).json()) as Answer
}

/** All that the REST API of the Connect server's web page has on SQL, jobs, stages and the environment, and the page on Connect. */
async function sparkPages(): Promise<string> {
  const { connect } = (JSON.parse(await readFile(join(cluster.folder, 'cluster.json'), 'utf8')) as SparkState).spark
  const root = `http://127.0.0.1:${connect.webPort}`
  const get = async (path: string) => await (await fetch(`${root}${path}`)).text()
  const [application] = JSON.parse(await get('/api/v1/applications')) as { id: string }[]
  const api = `/api/v1/applications/${application!.id}`
  const pages = [
    'sql?details=true&length=1000',
    'jobs',
    'stages?details=true',
    'environment',
    'allexecutors',
    'storage/rdd',
  ]
  const answers = await Promise.all([...pages.map(page => get(`${api}/${page}`)), get('/connect/'), get('/SQL/')])
  expect(answers.every(answer => answer.length > 0)).toBe(true)
  return answers.join('\n')
}

interface SparkState {
  spark: { connect: { webPort: number } }
}

/** Logs of all daemons and executors, and the events that a history server would show. */
async function sparkFiles(): Promise<string> {
  const folder = join(cluster.folder, 'spark')
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = found.filter(
    file => file.isFile() && (/\.log$|^std(?:err|out)$|^events_/.test(file.name) || file.parentPath.includes('events')),
  )
  expect(files.some(({ name }) => name.startsWith('events_'))).toBe(true)
  expect(files.some(({ name }) => name === 'stderr')).toBe(true)
  const texts = await Promise.all(files.map(file => readFile(join(file.parentPath, file.name), 'utf8')))
  return texts.join('\n')
}

/** So many that Spark is still at it when something happens. */
async function fillMore({ connection }: MysqlDatabase, loans: number): Promise<void> {
  for (let there = 20_000; there < loans; there *= 2) {
    await connection.query(
      `INSERT INTO loans SELECT id + (SELECT most FROM (SELECT MAX(id) AS most FROM loans) AS ids), loan_type_id, county_code, loan_amount, remarks FROM loans`,
    )
  }
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT COUNT(*) AS loans FROM loans')
  expect(Number(row!.loans)).toBe(loans)
}

function requestsOf(averages: readonly CountyAverage[]): number {
  return sum(averages.map(({ cost }) => cost.storageRequests))
}

function bytesOf(averages: readonly CountyAverage[]): number {
  return sum(averages.map(({ cost }) => cost.bytesRead))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
