import { join } from 'node:path'
import type { GraphQLSchema } from 'graphql'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'
import { claimDataDirectory, type DataDirectory } from './dataDirectory.ts'
import { systemClock } from './datasources/clock.ts'
import type { Engine } from './datasources/engine.ts'
import type { Inbox } from './datasources/inbox.ts'
import type { Log } from './datasources/log.ts'
import { createPublisher } from './datasources/publish.ts'
import type { Source } from './datasources/source.ts'
import type { Storage } from './datasources/storage.ts'
import type { Warehouse } from './datasources/warehouse.ts'
import { type EmbeddedSource, embeddedSource } from './embeddedSource.ts'
import { createFiles } from './files/createFiles.ts'
import type { Files } from './files/files.ts'
import type { LenderServer } from './grpc/lenderServer.ts'
import { createJobs } from './jobs/createJobs.ts'
import type { Jobs } from './jobs/job.ts'
import {
  openEngine,
  openInbox,
  openRecordLog,
  openReferenceSource,
  openSource,
  openStorage,
  openWarehouse,
  openWeatherSource,
} from './keepers.ts'
import { createLoans } from './loans/createLoans.ts'
import type { Loans } from './loans/loans.ts'
import { PARTITIONS_FOLDER } from './loans/partitionFile.ts'
import { createEncoder, type Encoder } from './parquet/encoder.ts'
import type { Domains } from './resolvers/context.ts'
import { createSchema } from './resolvers/schema.ts'
import { createServer, STOP_GRACE_MILLIS } from './server/createServer.ts'
import { sweptPublisher } from './sweptPublisher.ts'
import { createSystems } from './systems/createSystems.ts'
import { createWarehouse } from './warehouse/createWarehouse.ts'
import { type Schedule, startSchedule } from './warehouse/schedule.ts'
import { OWN_TRANSFORMS } from './warehouse/transforms/readTransforms.ts'
import type { WarehouseDomain } from './warehouse/warehouse.ts'
import { createWeather } from './weather/createWeather.ts'
import type { Weather } from './weather/weather.ts'

export interface App {
  domains: Domains
  schema: GraphQLSchema
  /** Errors where the port cannot be had: see Server.listen. */
  listen(): Promise<Addresses>
  /** Finishes what is under way for a few seconds, cancels jobs, and lets go of everything. Once is enough. */
  close(): Promise<void>
}

export interface Addresses {
  url: string
  webSocketUrl: string
  /** "host:port"; null where gRPC is off. */
  grpcAddress: string | null
}

/** What a test or a command brings itself. Keepers that are brought are closed with the app all the same. */
export interface AppParts {
  source?: Source
  storage?: Storage
  recordLog?: Log
  engine?: Engine
  warehouse?: Warehouse
  /** Where each day's citizens are left. */
  inbox?: Inbox
  jobs?: Jobs
  loans?: Loans
  weather?: Weather
  files?: Files
  warehouseDomain?: WarehouseDomain
  log?: Logger
  /** Whether commands may find this server while it listens; false for one that a command runs for itself. */
  announce?: boolean
  /** Milliseconds since 1970. */
  clock?: () => number
}

/** Where the loans domain publishes files. */
const PUBLISHED_FOLDERS = ['/', PARTITIONS_FOLDER]
const BYTES_PER_MIB = 1024 * 1024

/**
 * The whole program, wired by hand and not yet listening.
 *
 * Errors: CONFLICT where another process holds the data directory, BAD_USER_INPUT where it cannot be written.
 */
export async function createApp(config: Config, parts: AppParts = {}): Promise<App> {
  const directory = claimDataDirectory(config.dataDir)
  try {
    return await assemble(config, directory, parts)
  } catch (error) {
    directory.release()
    throw error
  }
}

async function assemble(config: Config, directory: DataDirectory, parts: AppParts): Promise<App> {
  const log = parts.log ?? createLog(config)
  const embedded = parts.source ? undefined : openEmbeddedSource(config, log)
  const source = parts.source ?? embedded ?? openSource(config)
  const storage = parts.storage ?? openStorage(config)
  const recordLog = parts.recordLog ?? (await openRecordLog(config))
  const engine = parts.engine ?? (await openEngine(config, storage, directory))
  const warehouse = parts.warehouse ?? (await openWarehouse(config))
  const jobs =
    parts.jobs ??
    createJobs({ file: join(config.dataDir, 'jobs.sqlite'), log, ...(parts.clock && { clock: parts.clock }) })
  const encoder = createEncoder({ threads: config.encodeThreads })
  const loans = parts.loans ?? openLoans({ config, directory, source, storage, engine, jobs, encoder, log })
  const weatherSource = embedded ? openWeatherSource(config) : source
  const weather =
    parts.weather ??
    createWeather({
      source: weatherSource,
      storage,
      log: recordLog,
      jobs,
      settings: config.weather,
      note: (message, details) => log.warn(details, message),
    })
  const files =
    parts.files ??
    createFiles({
      log: recordLog,
      jobs,
      settings: config.files,
      note: (message, details) => log.warn(details, message),
    })
  const systems = createSystems({ source, storage, log: recordLog, engine, warehouse })
  const inbox = parts.inbox ?? openInbox(config)
  const referenceSource = embedded ? await openReferenceSource(config) : source
  const warehouseDomain =
    parts.warehouseDomain ??
    openWarehouseDomain({
      config,
      directory,
      source: referenceSource,
      inbox,
      storage,
      engine,
      warehouse,
      jobs,
      encoder,
      log,
      clock: parts.clock ?? Date.now,
    })
  const domains: Domains = { loans, weather, files, warehouse: warehouseDomain, jobs, systems }
  const schema = createSchema()
  const server = createServer({ schema, domains, config, log })
  const lenderServer = await openLenderServer(domains, config, log)

  let schedule: Schedule | undefined
  let closed: Promise<void> | undefined
  async function close(): Promise<void> {
    // Together: requests that wait for a job are answered when it has been cancelled.
    await Promise.all([server.close(), lenderServer?.close(), jobs.close(), schedule?.close()])
    warehouseDomain.close()
    await encoder.close()
    const keepers = new Set([source, weatherSource, referenceSource, inbox, storage, recordLog, engine, warehouse])
    await Promise.all(Array.from(keepers, keeper => keeper.close()))
    directory.release()
  }

  return {
    domains,
    schema,
    async listen() {
      const { url, webSocketUrl } = await server.listen()
      const grpcAddress = lenderServer ? await lenderServer.listen() : null
      if (parts.announce !== false) directory.announce({ url, pid: process.pid })
      embedded?.prepare()
      if (parts.announce !== false) schedule = openSchedule(config, { domain: warehouseDomain, warehouse, jobs, log })
      return { url, webSocketUrl, grpcAddress }
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

function createLog({ logLevel }: Config): Logger {
  // To stderr: stdout is for what a person asked for.
  return pino({ level: logLevel, base: null }, pino.destination(2))
}

function openEmbeddedSource({ source }: Config, log: Logger): EmbeddedSource | undefined {
  return source.kind === 'duckdb' && source.sample ? embeddedSource({ file: source.file, log }) : undefined
}

/** Loaded only where it is on: gRPC takes 80 ms and 28 MB. */
async function openLenderServer(domains: Domains, config: Config, log: Logger): Promise<LenderServer | undefined> {
  const { host, grpcPort: port, limits } = config
  if (port === null) return undefined
  const { createLenderServer } = await import('./grpc/lenderServer.ts')
  return createLenderServer({
    domains,
    host,
    port,
    maxMessageBytes: limits.bodyBytes,
    stopGraceMillis: STOP_GRACE_MILLIS,
    log,
  })
}

interface LoansParts {
  config: Config
  directory: DataDirectory
  source: Source
  storage: Storage
  engine: Engine
  jobs: Jobs
  encoder: Encoder
  log: Logger
}

function openLoans({ config, directory, source, storage, engine, jobs, encoder, log }: LoansParts): Loans {
  return createLoans({
    source,
    storage,
    engine,
    jobs,
    encoder,
    publisher: sweptPublisher(storage, directory.ownerId, PUBLISHED_FOLDERS, log),
    workFolder: directory.workFolder,
    owner: directory.ownerId,
    sourceWaitMillis: config.sourceWaitSeconds * 1000,
    storageWaitMillis: config.storageWaitSeconds * 1000,
    migrationMemoryBytes: config.migrationMemoryMib * BYTES_PER_MIB,
    sparkAboveRows: config.sparkAboveRows,
    note: (message, details) => log.warn(details, message),
  })
}

interface WarehouseParts extends LoansParts {
  inbox: Inbox
  warehouse: Warehouse
  clock: () => number
}

function openWarehouseDomain({ config, directory, log, ...keepers }: WarehouseParts): WarehouseDomain {
  return createWarehouse({
    ...keepers,
    publisher: createPublisher(keepers.storage, directory.ownerId),
    workFolder: directory.workFolder,
    transformsFolder: config.transformsDir ?? OWN_TRANSFORMS,
    sourceTables: config.citizensTables,
    mostBadRows: config.citizensBadPercent / 100,
    sourceWaitMillis: config.sourceWaitSeconds * 1000,
    historyFile: join(config.dataDir, 'warehouse-runs.sqlite'),
    note: (message, details) => log.warn(details, message),
  })
}

interface ScheduleParts {
  domain: WarehouseDomain
  warehouse: Warehouse
  jobs: Jobs
  log: Logger
}

function openSchedule(config: Config, { log, ...parts }: ScheduleParts): Schedule | undefined {
  const { warehouseSchedule: pattern, warehouseTimeZone: timeZone, warehouseCatchUpDays: catchUpDays } = config
  if (pattern === null) return undefined
  const note = (message: string, details: object) => log.warn(details, message)
  return startSchedule({ ...parts, pattern, timeZone, catchUpDays, clock: systemClock, note })
}
