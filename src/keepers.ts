import { join, resolve } from 'node:path'
import type { Config } from './config.ts'
import type { DataDirectory } from './dataDirectory.ts'
import type { Call } from './datasources/call.ts'
import { duckdbEngine } from './datasources/duckdbEngine.ts'
import { duckdbSource } from './datasources/duckdbSource.ts'
import { duckdbWarehouse } from './datasources/duckdbWarehouse.ts'
import type { Engine } from './datasources/engine.ts'
import { folderInbox } from './datasources/folderInbox.ts'
import { httpInbox } from './datasources/httpInbox.ts'
import type { Inbox } from './datasources/inbox.ts'
import { withLocalReads } from './datasources/localReads.ts'
import { localStorage } from './datasources/localStorage.ts'
import { mysqlSource } from './datasources/mysqlSource.ts'
import { createPublisher } from './datasources/publish.ts'
import type { Source } from './datasources/source.ts'
import type { Storage } from './datasources/storage.ts'
import type { Warehouse } from './datasources/warehouse.ts'
import { webHdfsStorage } from './datasources/webHdfsStorage.ts'
import { askRpcUrl } from './datasources/webhdfs/rpcUrl.ts'
import { embeddedInbox, embeddedReferenceTables } from './embeddedCitizens.ts'

export { openRecordLog } from './recordLog.ts'

/** The keeper of each role that is configured. Whoever opens one closes it. */
export function openSource({ source }: Config): Source {
  return source.kind === 'mysql' ? mysqlSource({ url: source }) : duckdbSource(source)
}

/**
 * Where weather comes from: the configured source, but a file of its own where none is configured. So weather needs no sample of loans,
 * and writing it keeps nobody from reading them: a DuckDB file that is written is open in one process only.
 */
export function openWeatherSource(config: Config): Source {
  const { source, dataDir } = config
  if (source.kind === 'duckdb' && source.sample) return duckdbSource({ file: join(dataDir, 'weather.duckdb') })
  return openSource(config)
}

/** Where the tables that are landed with the citizens come from: the configured source, but a file of its own where none is configured. */
export async function openReferenceSource(config: Config): Promise<Source> {
  const { source, dataDir } = config
  if (source.kind === 'duckdb' && source.sample) {
    return await embeddedReferenceTables({ file: join(dataDir, 'reference.duckdb') })
  }
  return openSource(config)
}

export function openInbox({ inbox }: Config): Inbox {
  if (inbox.kind === 'http') return httpInbox(inbox)
  return inbox.sample ? embeddedInbox(inbox) : folderInbox(inbox)
}

export function openStorage({ storage }: Config): Storage {
  return storage.kind === 'webhdfs' ? webHdfsStorage(storage) : localStorage(storage)
}

/** Spark's client, and gRPC with it, is loaded only where it is used. */
export async function openEngine(config: Config, storage: Storage, directory: DataDirectory): Promise<Engine> {
  const { engine, storage: place } = config
  if (engine.kind === 'spark') {
    const { sparkEngine } = await import('./datasources/sparkEngine.ts')
    const cluster = sparkEngine({
      address: engine,
      storage,
      storageUrl: call => storageUrlForSpark(engine.storageUrl, place, call),
    })
    return withLocalReads(cluster, openLocalEngine(config, storage, directory))
  }
  return openLocalEngine(config, storage, directory)
}

function openLocalEngine({ storage: place }: Config, storage: Storage, directory: DataDirectory): Engine {
  return duckdbEngine({
    storage,
    directory: place.kind === 'directory' ? place.folder : null,
    publisher: createPublisher(storage, directory.ownerId),
    workFolder: resolve(directory.workFolder),
  })
}

async function storageUrlForSpark(configured: string | null, storage: Config['storage'], call: Call): Promise<string> {
  if (configured !== null) return configured
  return storage.kind === 'directory' ? `file://${storage.folder}` : await askRpcUrl(storage, call)
}

/** PostgreSQL's client is loaded only where it is used. */
export async function openWarehouse({ warehouse }: Config): Promise<Warehouse> {
  if (warehouse.kind === 'duckdb') return duckdbWarehouse(warehouse)
  const { postgresWarehouse } = await import('./datasources/postgresWarehouse.ts')
  return postgresWarehouse({ address: warehouse })
}
