import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { type App, type AppParts, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Engine } from '../../src/datasources/engine.ts'
import type { Log } from '../../src/datasources/log.ts'
import type { Source } from '../../src/datasources/source.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import type { Warehouse } from '../../src/datasources/warehouse.ts'
import { MillraceError } from '../../src/errors.ts'
import { createJobs } from '../../src/jobs/createJobs.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import type { CountyAverage, Loans } from '../../src/loans/loans.ts'
import { type MemoryFiles, memoryFiles } from './memoryFiles.ts'
import { memoryWarehouseDomain } from './memoryWarehouseDomain.ts'
import { type MemoryWeather, memoryWeather } from './memoryWeather.ts'

/** What a client gets, as far as tests look at it. */
export interface Reply {
  data?: Record<string, unknown> | null
  errors?: { message: string; path?: unknown; extensions?: { code?: string; hint?: string } }[]
  extensions?: Record<string, unknown>
}

export interface TestApp {
  app: App
  url: string
  webSocketUrl: string
  /** Null unless MILLRACE_GRPC_PORT is set. */
  grpcAddress: string | null
  jobs: Jobs
  loans: MemoryLoans
  weather: MemoryWeather
  files: MemoryFiles
  /** Parsed lines of the log. */
  logged: Record<string, unknown>[]
  dataDir: string
  http: (operation: string, variables?: object) => Promise<Reply>
  webSocket: (operation: string, variables?: object) => Promise<Reply>
  close(): Promise<void>
}

/** The whole program on a free port, over domains in memory; `environment` is that of a user. */
export async function startTestApp({
  environment = {},
  parts = {},
}: {
  environment?: Record<string, string>
  parts?: Partial<AppParts>
} = {}): Promise<TestApp> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-api-'))
  const config = readConfig({ MILLRACE_PORT: '0', MILLRACE_DATA_DIR: dataDir, ...environment })
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: line => void logged.push(JSON.parse(line) as Record<string, unknown>) })
  const jobs = createJobs({ file: ':memory:', log })
  const loans = memoryLoans(jobs)
  const weather = memoryWeather(jobs)
  const files = memoryFiles(jobs)
  const keepers = {
    source: memorySource(),
    storage: memoryStorage(),
    recordLog: memoryLog(),
    engine: memoryEngine(),
    warehouse: memoryWarehouse(),
  }
  const warehouseDomain = memoryWarehouseDomain(jobs)
  const app = await createApp(config, { ...keepers, jobs, loans, weather, files, warehouseDomain, log, ...parts })
  const { url, webSocketUrl, grpcAddress } = await app.listen()
  return {
    app,
    url,
    webSocketUrl,
    grpcAddress,
    jobs,
    loans,
    weather,
    files,
    logged,
    dataDir,
    http: (query, variables) => askHttp(url, { query, variables }),
    webSocket: (query, variables) => askWebSocket(webSocketUrl, query, variables),
    async close() {
      await app.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function askHttp(url: string, body: object): Promise<Reply> {
  const response = await post(url, body)
  return (await response.json()) as Reply
}

/** The first result or the error of an operation, in the shape of an HTTP reply. */
async function askWebSocket(url: string, query: string, variables: object = {}): Promise<Reply> {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, lazy: true })
  try {
    return await new Promise<Reply>((resolve, reject) => {
      client.subscribe(
        { query, variables: variables as Record<string, unknown> },
        {
          next: result => resolve(result as Reply),
          error: error =>
            Array.isArray(error) ? resolve({ errors: error as NonNullable<Reply['errors']> }) : reject(error),
          complete: () => {},
        },
      )
    })
  } finally {
    await client.dispose()
  }
}

/** Every value of a subscription, once it has ended. */
export async function collect(url: string, query: string, onReply?: () => void): Promise<Reply[]> {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 })
  const replies: Reply[] = []
  for await (const reply of client.iterate({ query })) {
    replies.push(reply as Reply)
    onReply?.()
  }
  await client.dispose()
  return replies
}

/** The first values of a subscription, which is then left. */
export async function firstReplies(url: string, query: string, count: number): Promise<Reply[]> {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 })
  try {
    const replies: Reply[] = []
    for await (const reply of client.iterate({ query })) {
      replies.push(reply as Reply)
      if (replies.length === count) break
    }
    return replies
  } finally {
    await client.dispose()
  }
}

export interface MemoryLoans extends Loans {
  /** The codes of each call of averagesOf. */
  readonly asked: number[][]
  /** Counties whose partitions have been lost: the next average of each is recreated. */
  readonly lost: Set<number>
  /** Ends the migration that runs. */
  finishMigration(): void
  /** Set to make every average come with it. */
  warning: string | null
}

export const COUNTIES = [
  { code: 55001, name: 'Adams County' },
  { code: 55025, name: 'Dane County' },
  { code: 55079, name: 'Milwaukee County' },
]

function memoryLoans(jobs: Jobs): MemoryLoans {
  const asked: number[][] = []
  const seen = new Set<number>()
  const lost = new Set<number>()
  let finish = () => {}
  return {
    asked,
    lost,
    warning: null,
    finishMigration: () => finish(),
    migrate() {
      const ending = Promise.withResolvers<void>()
      const job = jobs.start('MIGRATE_LOANS', async ({ signal, report }) => {
        report({ unit: 'rows', done: 1, total: 2 })
        signal.addEventListener('abort', () => ending.reject(signal.reason as Error))
        await ending.promise
        report({ done: 2, bytes: 100 })
        return 'Migrated 2 loans.'
      })
      finish = ending.resolve
      return job
    },
    async averagesOf(codes) {
      asked.push([...codes])
      return codes.map(code => average(code, this.warning))
    },
    dropPartitions: async codes => codes.filter(code => seen.delete(code)),
    counties: async () => COUNTIES,
  }

  function average(countyCode: number, warning: string | null): CountyAverage | Error {
    if (countyCode === 13013) throw new TypeError('password=abc leaked')
    if (!COUNTIES.some(({ code }) => code === countyCode)) {
      return new MillraceError('NOT_FOUND', `No migrated loan has county ${countyCode}.`, { hint: 'Ask counties.' })
    }
    const source = lost.delete(countyCode) ? 'RECREATE' : seen.has(countyCode) ? 'REUSE' : 'CREATE'
    seen.add(countyCode)
    const cost = { elapsedMillis: 1.5, bytesRead: 4096, storageRequests: 2 }
    return { countyCode, averageLoan: 200_000 + countyCode, loans: 42, source, cost, warning }
  }
}

export function memorySource(changes: Partial<Source> = {}): Source {
  return {
    kind: 'duckdb',
    url: 'duckdb:memory',
    columns: unused,
    count: unused,
    rows: unused,
    createTable: unused,
    append: unused,
    rowsByKey: unused,
    keys: unused,
    openTransactions: unused,
    ping: async () => 'in memory',
    close: async () => {},
    ...changes,
  }
}

export function memoryStorage(changes: Partial<Storage> = {}): Storage {
  return {
    kind: 'directory',
    url: 'file:memory',
    async stat(path) {
      const status = { path, modifiedAtMillis: 0, fileId: path, replication: 2, blockBytes: 1_048_576 }
      if (path === '/file') return { ...status, kind: 'file', length: 1_500_000 }
      if (path === '/folder') return { ...status, kind: 'folder', length: 0 }
      throw noFile(path)
    },
    list: async () => [],
    read: unused,
    create: unused,
    rename: unused,
    renameNew: unused,
    remove: unused,
    async blockLocations(path) {
      if (path === '/folder') throw new MillraceError('BAD_USER_INPUT', 'Expected a file at /folder, found a folder.')
      if (path !== '/file') throw noFile(path)
      return {
        length: 1_500_000,
        replication: 2,
        blockBytes: 1_048_576,
        blocks: [
          { offset: 0, length: 1_048_576, dataNodes: ['node-2', 'node-1'] },
          { offset: 1_048_576, length: 451_424, dataNodes: [] },
        ],
      }
    },
    dataNodes: async () => [{ name: 'node-1', state: 'LIVE', lastContact: new Date(0), usedBytes: 2 ** 40 }],
    ping: async () => 'in memory',
    close: async () => {},
    ...changes,
  }
}

function noFile(path: string): MillraceError {
  return new MillraceError('NOT_FOUND', `There is no file ${path}.`, { hint: 'Migrate first.' })
}

export function memoryLog(changes: Partial<Log> = {}): Log {
  return {
    kind: 'sqlite',
    url: 'sqlite:memory',
    createTopic: unused,
    removeTopic: unused,
    partitions: unused,
    offsets: unused,
    fetch: unused,
    trim: unused,
    group: unused,
    producer: unused,
    ping: async () => 'in memory',
    close: async () => {},
    ...changes,
  }
}

export function memoryEngine(): Engine {
  return { kind: 'duckdb', url: 'duckdb:', open: unused, ping: async () => 'in memory', close: async () => {} }
}

export function memoryWarehouse(changes: Partial<Warehouse> = {}): Warehouse {
  return {
    kind: 'duckdb',
    url: 'duckdb:memory',
    stage: unused,
    check: unused,
    publish: unused,
    loads: async () => [],
    tables: async () => [],
    rows: unused,
    stages: async () => [],
    dropStages: unused,
    exclusively: unused,
    ping: async () => 'in memory',
    close: async () => {},
    ...changes,
  }
}

function unused(): never {
  throw new Error('no test should come here')
}
