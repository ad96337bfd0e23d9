import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { readRunningServer } from '../../src/dataDirectory.ts'
import { parseTemporaryName } from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { nameOf } from '../../src/datasources/storagePath.ts'
import type { Job } from '../../src/jobs/job.ts'
import { PARTITIONS_FOLDER } from '../../src/loans/partitionFile.ts'
import { type averagesIn, type Generation, groupsIn, loansSql, type SourceTables } from './crashLoans.ts'
import type { CrashPlan } from './crashServer.ts'
import { localCopy } from './localCopy.ts'

/** What servers are bound to, one after the other. */
export interface CrashProfile {
  sourceUrl: string
  storageUrl: string
  /** To change the source by. */
  tables: SourceTables
  /** A keeper of the same storage that no server has used. */
  openStorage(): Storage
  close(): Promise<void>
}

/** One data directory and the servers that use it, of which some die. */
export interface CrashSite {
  /** Replaces the loans in the source by others: other amounts, another number. */
  refill(): Promise<Generation>
  /** Starts a server as usual in this process, and stops it as usual. */
  withServer<Result>(use: (server: CrashSiteServer) => Promise<Result>): Promise<Result>
  /** Starts a server in a process of its own; resolves when it has killed itself at the point, throws when it ends in another way. */
  crash(plan: CrashPlan): Promise<void>
  /** The loans in a file of the storage, as other software reads them. */
  loansIn(path: string): Promise<Generation>
  /** Paths of what is half-written, in all folders. */
  temporaries: () => Promise<string[]>
  close(): Promise<void>
}

export interface CrashSiteServer {
  newestJob(): Job
  migrate(): Promise<Job>
  /** Of all counties asked for, ascending; throws the first error. */
  averages(counties: readonly number[]): Promise<ReturnType<typeof averagesIn>>
  /** What the server before it has left on the local disk. */
  localLeftovers(): Promise<string[]>
  /** The messages of the log so far. */
  logged: string[]
}

/** Longer than any of the work takes; a server that lives on by then is stopped by another signal. */
const DEATH_MILLIS = 60_000
const SERVER = join(import.meta.dirname, 'crashServer.ts')
const LOADER = join(import.meta.dirname, 'crashLoader.ts')

export async function openCrashSite(profile: CrashProfile): Promise<CrashSite> {
  if (!existsSync(join(import.meta.dirname, '../../dist/app.js'))) {
    throw new Error('Expected dist/app.js: run "npm run build", or the tests with "npm test".')
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-crash-'))
  const environment = {
    MILLRACE_SOURCE_URL: profile.sourceUrl,
    MILLRACE_STORAGE_URL: profile.storageUrl,
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    MILLRACE_LOG_LEVEL: 'error',
    MILLRACE_SOURCE_WAIT_SECONDS: '5',
  }
  let generation = 0

  async function withStorage<Result>(use: (storage: Storage) => Promise<Result>): Promise<Result> {
    const storage = profile.openStorage()
    try {
      return await use(storage)
    } finally {
      await storage.close()
    }
  }

  return {
    async refill() {
      generation += 1
      await profile.tables.run(loansSql(generation, profile.tables.numbers))
      return await groupsIn(profile.tables.rows, 'loans')
    },

    async withServer(use) {
      const logged: string[] = []
      const log = pino({ level: 'warn' }, { write: line => logged.push((JSON.parse(line) as { msg: string }).msg) })
      const app = await createApp(readConfig(environment), { log })
      const { loans, jobs } = app.domains
      try {
        return await use({
          newestJob: () => jobs.list({ first: 1 })[0]!,
          migrate: () => jobs.finished(loans.migrate().id),
          async averages(counties) {
            return (await loans.averagesOf(counties)).map(answer => {
              if (answer instanceof Error) throw answer
              return { county: answer.countyCode, loans: answer.loans, average: answer.averageLoan }
            })
          },
          async localLeftovers() {
            const files = await readdir(join(dataDir, 'work'))
            return readRunningServer(dataDir) ? [...files, 'server.json'] : files
          },
          logged,
        })
      } finally {
        await app.close()
      }
    },

    async crash(plan) {
      const others = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'))
      const child = spawn(process.execPath, ['--import', LOADER, SERVER, JSON.stringify(plan)], {
        env: { ...Object.fromEntries(others), ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: DEATH_MILLIS,
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', chunk => {
          output += String(chunk)
        })
      }
      const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
      if (signal === 'SIGKILL' && output === `${plan.point.name}\n`) return
      throw new Error(`expected a server killed with -9 ${plan.point.name}, got ${signal ?? `code ${code}`}: ${output}`)
    },

    loansIn: path =>
      withStorage(async storage => {
        const copy = await localCopy(storage, path)
        try {
          return await groupsIn(sql => copy.rows(sql), copy.table)
        } finally {
          await copy.close()
        }
      }),

    temporaries: () =>
      withStorage(async storage => {
        const lists = await Promise.all(['/', PARTITIONS_FOLDER].map(folder => storage.list(folder)))
        const paths = lists.flat().map(({ path }) => path)
        return paths.filter(path => parseTemporaryName(nameOf(path)))
      }),

    async close() {
      await profile.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
