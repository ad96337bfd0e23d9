import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { duckdbEngine } from '../../src/datasources/duckdbEngine.ts'
import { duckdbSource } from '../../src/datasources/duckdbSource.ts'
import { duckdbWarehouse } from '../../src/datasources/duckdbWarehouse.ts'
import type { Engine } from '../../src/datasources/engine.ts'
import { folderInbox } from '../../src/datasources/folderInbox.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import type { Warehouse } from '../../src/datasources/warehouse.ts'
import { createJobs } from '../../src/jobs/createJobs.ts'
import type { Job, Jobs } from '../../src/jobs/job.ts'
import { createEncoder } from '../../src/parquet/encoder.ts'
import { createWarehouse } from '../../src/warehouse/createWarehouse.ts'
import { inboxPath } from '../../src/warehouse/ingest/ingestCitizens.ts'
import { createCitizens } from '../../src/warehouse/sample/createCitizens.ts'
import { duckdbReferenceTables } from '../../src/warehouse/sample/referenceTables.ts'
import { OWN_TRANSFORMS } from '../../src/warehouse/transforms/readTransforms.ts'
import type { WarehouseDomain } from '../../src/warehouse/warehouse.ts'

/** The warehouse domain over folders and files of its own, all removed by close(). */
export interface EmbeddedWarehouse {
  domain: WarehouseDomain
  jobs: Jobs
  /** The keepers themselves, past any wrapper. */
  storage: Storage
  warehouse: Warehouse
  /** The keepers that the domain uses. */
  wrapped: { storage: Storage; engine: Engine; warehouse: Warehouse }
  folder: string
  /** Puts a day of the sample into the inbox. */
  makeDay(date: string, rows?: number): Promise<void>
  changeDay(date: string, change: (text: string) => string): Promise<void>
  /** The job of a run, once it has ended. */
  run(date: string, options?: { force?: boolean }): Promise<Job>
  /** All rows that a table has for a date. */
  rows(table: string, date: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

export interface EmbeddedWarehouseOptions {
  /** Where everything is kept, also after close(); a folder of its own, removed by close(), where left out. */
  folder?: string
  transformsFolder?: string
  /** Told of what only an operator would want to know; where left out that fails whatever was under way. */
  note?: (message: string) => void
  /** Put something between the domain and its keepers, to count or to fail. */
  wrap?: {
    storage?: (storage: Storage) => Storage
    engine?: (engine: Engine) => Engine
    warehouse?: (warehouse: Warehouse) => Warehouse
  }
}

export const MOST_ROWS = 10_000

export async function embeddedWarehouse({
  folder: keptFolder,
  transformsFolder = OWN_TRANSFORMS,
  note = message => {
    throw new Error(message)
  },
  wrap = {},
}: EmbeddedWarehouseOptions = {}): Promise<EmbeddedWarehouse> {
  const folder = keptFolder ?? (await mkdtemp(join(tmpdir(), 'millrace-warehouse-')))
  const workFolder = join(folder, 'work')
  await mkdir(workFolder, { recursive: true })
  if (!existsSync(join(folder, 'source.duckdb'))) await fillReferenceTables(join(folder, 'source.duckdb'))
  const storageFolder = join(folder, 'storage')
  const storage = localStorage({ folder: storageFolder })
  const warehouse = duckdbWarehouse({ file: join(folder, 'warehouse.duckdb') })
  const wrappedStorage = wrap.storage?.(storage) ?? storage
  const publisher = createPublisher(wrappedStorage, 'test')
  const engine = duckdbEngine({ storage: wrappedStorage, directory: storageFolder, publisher, workFolder })
  const source = duckdbSource({ file: join(folder, 'source.duckdb') })
  const inbox = folderInbox({ folder: join(folder, 'inbox') })
  const encoder = createEncoder({ threads: 1 })
  const tell = (details: unknown) => process.stderr.write(`${inspect(details)}\n`)
  const jobs = createJobs({ file: join(folder, 'jobs.sqlite'), log: { error: tell, warn: tell } })
  const wrapped = {
    storage: wrappedStorage,
    engine: wrap.engine?.(engine) ?? engine,
    warehouse: wrap.warehouse?.(warehouse) ?? warehouse,
  }
  const domain = createWarehouse({
    source,
    storage: wrappedStorage,
    publisher,
    encoder,
    inbox,
    engine: wrapped.engine,
    warehouse: wrapped.warehouse,
    jobs,
    workFolder,
    transformsFolder,
    sourceTables: ['regions', 'occupations'],
    mostBadRows: 0.01,
    sourceWaitMillis: 0,
    historyFile: join(folder, 'runs.sqlite'),
    clock: Date.now,
    note,
  })
  const inboxFile = (date: string) => join(folder, 'inbox', inboxPath(date))

  return {
    domain,
    jobs,
    storage,
    warehouse,
    wrapped,
    folder,
    async makeDay(date, rows = 400) {
      await createCitizens({ file: inboxFile(date), date, rows })
    },
    async changeDay(date, change) {
      await writeFile(inboxFile(date), change(await readFile(inboxFile(date), 'utf8')))
    },
    run: (date, options) => jobs.finished(domain.run(date, options).id),
    rows: (table, date) => domain.rows(table, date, MOST_ROWS),
    async close() {
      await jobs.close()
      domain.close()
      await Promise.all([encoder.close(), engine.close(), warehouse.close(), source.close(), inbox.close()])
      await Promise.all([wrapped.engine.close(), wrapped.warehouse.close(), wrapped.storage.close(), storage.close()])
      if (keptFolder === undefined) await rm(folder, { recursive: true })
    },
  }
}

/** Makes a source that has the tables which are landed beside the citizens. */
export async function fillReferenceTables(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  for (const statement of duckdbReferenceTables()) await connection.run(statement)
  connection.closeSync()
  instance.closeSync()
}
