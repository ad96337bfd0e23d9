import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPool } from 'mysql2/promise'
import { pino } from 'pino'
import type { Cluster } from '../../harness/cluster.ts'
import type { Links } from '../../harness/links.ts'
import { waitUntil } from '../../harness/wait.ts'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { parseTemporaryName } from '../../src/datasources/publish.ts'
import type { Source } from '../../src/datasources/source.ts'
import type { DataNodeStatus, FileBlocks, Storage } from '../../src/datasources/storage.ts'
import { nameOf } from '../../src/datasources/storagePath.ts'
import { parseWebHdfsUrl, webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import type { Job } from '../../src/jobs/job.ts'
import type { CountyAverage } from '../../src/loans/loans.ts'
import { PARTITIONS_FOLDER } from '../../src/loans/partitionFile.ts'
import type { SystemStatus } from '../../src/systems/systems.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { tcpSockets } from '../setup/sockets.ts'
import { fillLoans, type LoansDatabase } from '../setup/wisconsinLoans.ts'

/** A real cluster behind proxies, and one data directory whose servers come and go. */
export interface FaultSite {
  cluster: Cluster
  links: Links
  /** The files are those of the last migration, all partitions are there, and nothing is disturbed. */
  isClean: boolean
  /** Of the source, around the proxies; connects again where MySQL was away. */
  database: LoansDatabase
  /** Within which a migration ends, whatever happens: the waits for both systems, and the time to write the file three times. */
  migrationSeconds: number
  /** The storage, by a keeper of the test's own, while a server is open. */
  readonly storage: Storage
  /** Starts a server, and waits until it has swept what an earlier one left half-written. */
  openServer(options?: ServerOptions): Promise<FaultServer>
  /** Stops a server. Rejects where it has left a socket open, or a file in its working folder. */
  closeServer(server: FaultServer): Promise<void>
  /** Paths of what is half-written. */
  temporaries(): Promise<string[]>
  close(): Promise<void>
}

export interface ServerOptions {
  /** What a case puts around the keepers. */
  source?: (source: Source) => Source
  storage?: (storage: Storage) => Storage
  /** In the place of the site's own. */
  storageUrl?: string
  dataDir?: string
}

export interface FaultServer {
  migrate(): Promise<Job>
  /** A migration to look at while it runs. */
  startMigration(): { message: () => string | null; finished: () => Promise<Job> }
  /** In the order asked; the first error is thrown. */
  averages(counties: readonly number[]): Promise<CountyAverage[]>
  blockLocations(path: string): Promise<FileBlocks>
  dataNodes(): Promise<DataNodeStatus[]>
  systems(): Promise<SystemStatus[]>
  close(): Promise<void>
}

const LOANS = 8_000
const SOURCE_WAIT_SECONDS = 3
/** In the place of half a minute, which no case has the time to wait for. */
const MYSQL_DEADLINES = { connectMillis: 2_000, silenceMillis: 4_000 }
const WRITING_SECONDS = 30
const CLOSE_MILLIS = 5_000
const SWEEP_MILLIS = 10_000

/** @param storageWaitSeconds How long a migration waits for HDFS. */
export async function openFaultSite({ storageWaitSeconds }: { storageWaitSeconds: number }): Promise<FaultSite> {
  const cluster = await startOwnCluster({ services: ['mysql', 'hdfs'], behindProxies: true })
  const links = cluster.links!
  const pool = createPool({ uri: cluster.directEnv.MILLRACE_SOURCE_URL!, connectionLimit: 1 })
  const database = { connection: pool }
  await fillLoans(database, LOANS)
  const sourceUrl = cluster.env.MILLRACE_SOURCE_URL!
  const storageUrl = cluster.env.MILLRACE_STORAGE_URL!
  const storageAddress = parseWebHdfsUrl(storageUrl)
  let storage = webHdfsStorage(storageAddress)
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-faults-'))
  const config = readConfig({
    MILLRACE_SOURCE_URL: sourceUrl,
    MILLRACE_STORAGE_URL: storageUrl,
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    MILLRACE_SOURCE_WAIT_SECONDS: String(SOURCE_WAIT_SECONDS),
    MILLRACE_STORAGE_WAIT_SECONDS: String(storageWaitSeconds),
  })
  const proxies = new Set(links.names.map(name => links.get(name).address))

  /** This process's sockets to the systems: those of servers, beside those of `storage`. */
  async function socketsToSystems(): Promise<string[]> {
    const sockets = await tcpSockets(process.pid)
    return sockets.filter(({ remote }) => proxies.has(remote)).map(({ local, remote }) => `${local} -> ${remote}`)
  }

  async function temporaries(): Promise<string[]> {
    const lists = await Promise.all(['/', PARTITIONS_FOLDER].map(folder => storage.list(folder)))
    const paths = lists.flat().map(({ path }) => path)
    return paths.filter(path => parseTemporaryName(nameOf(path)))
  }

  return {
    cluster,
    links,
    isClean: false,
    database,
    migrationSeconds: SOURCE_WAIT_SECONDS + storageWaitSeconds + WRITING_SECONDS,
    get storage() {
      return storage
    },
    temporaries,

    async openServer(options = {}) {
      storage = webHdfsStorage(storageAddress)
      const source = mysqlSource({ url: sourceUrl, deadlines: MYSQL_DEADLINES })
      const ownStorage = webHdfsStorage(parseWebHdfsUrl(options.storageUrl ?? storageUrl))
      const app = await createApp(
        { ...config, dataDir: options.dataDir ?? dataDir },
        {
          log: pino({ level: 'silent' }),
          source: options.source?.(source) ?? source,
          storage: options.storage?.(ownStorage) ?? ownStorage,
        },
      )
      const isSwept = async () => (await temporaries()).length === 0
      const detail = async () => (await temporaries()).join(', ')
      await waitUntil({ description: 'temporaries to be swept', timeoutMillis: SWEEP_MILLIS, detail }, isSwept)
      const { loans, jobs, systems } = app.domains
      return {
        migrate: () => jobs.finished(loans.migrate().id),
        startMigration() {
          const { id } = loans.migrate()
          return { message: () => jobs.get(id).message, finished: () => jobs.finished(id) }
        },
        async averages(counties) {
          return (await loans.averagesOf(counties)).map(answer => {
            if (answer instanceof Error) throw answer
            return answer
          })
        },
        blockLocations: path => systems.blockLocations(path),
        dataNodes: () => systems.dataNodes(),
        systems: () => systems.statuses(),
        close: () => app.close(),
      }
    },

    async closeServer(server) {
      await server.close()
      await storage.close()
      await waitUntil(
        {
          description: 'a server that was stopped to have closed its connections',
          timeoutMillis: CLOSE_MILLIS,
          detail: async () => (await socketsToSystems()).join(', '),
        },
        async () => (await socketsToSystems()).length === 0,
      )
      const left = await readdir(join(dataDir, 'work'))
      if (left.length > 0) throw new Error(`expected an empty working folder, found ${left.join(', ')}`)
    },

    async close() {
      await pool.end()
      await cluster.destroy()
      await rm(dataDir, { recursive: true })
    },
  }
}
