import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { claimDataDirectory } from '../../src/dataDirectory.ts'
import { openEngine, openStorage, openWarehouse } from '../../src/keepers.ts'
import { type EmbeddedWarehouse, type EmbeddedWarehouseOptions, embeddedWarehouse } from './embeddedWarehouse.ts'

/** The warehouse domain over the storage, the engine and the warehouse of an environment, with an inbox and a source of its own. */
export async function distributedWarehouse(
  environment: Readonly<Record<string, string>>,
  { wrap = {}, ...options }: Omit<EmbeddedWarehouseOptions, 'folder'> = {},
): Promise<EmbeddedWarehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-distributed-'))
  const config = readConfig({ ...environment, MILLRACE_DATA_DIR: folder })
  const directory = claimDataDirectory(folder)
  const opened = openStorage(config)
  const storage = wrap.storage?.(opened) ?? opened
  const [engine, warehouse] = await Promise.all([openEngine(config, storage, directory), openWarehouse(config)])
  const site = await embeddedWarehouse({
    ...options,
    wrap: {
      storage: () => storage,
      engine: () => wrap.engine?.(engine) ?? engine,
      warehouse: () => wrap.warehouse?.(warehouse) ?? warehouse,
    },
  })
  return {
    ...site,
    async close() {
      await site.close()
      directory.release()
      await rm(folder, { recursive: true })
    },
  }
}
