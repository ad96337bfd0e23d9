import type { Engine, EngineSession } from '../../src/datasources/engine.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import type { Warehouse } from '../../src/datasources/warehouse.ts'

/** Told of each moment of a run as it comes; the run goes on when it resolves. */
export type Reach = (moment: string) => Promise<void> | void

export function watchedStorage(storage: Storage, reach: Reach): Storage {
  const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
  return {
    ...storage,
    async create(path, content, layout, call) {
      const name = nameOf(path).split('.', 2)[1]
      await reach(`before ${name} is written`)
      async function* watched() {
        for await (const chunk of content) {
          yield chunk
          await reach(`in the middle of ${name}`)
        }
      }
      await storage.create(path, watched(), layout, call)
    },
    async rename(from, to, call) {
      await reach(`before ${nameOf(to)} stands`)
      await storage.rename(from, to, call)
      await reach(`after ${nameOf(to)} stands`)
    },
    async remove(path, call) {
      await storage.remove(path, call)
      await reach(`after ${nameOf(path)} is removed`)
    },
  }
}

export function watchedEngine(engine: Engine, reach: Reach): Engine {
  const watched = (session: EngineSession): EngineSession => ({
    ...session,
    async write(sql, folder, values, call) {
      const table = folder.split('/').at(-2)
      await reach(`before ${table} is made`)
      const onProgress = () => void reach(`while ${table} is made`)
      const written = await session.write(sql, folder, values, { ...call, onProgress })
      await reach(`after ${table} is made`)
      return written
    },
  })
  return { ...engine, open: async call => watched(await engine.open(call)) }
}

export function watchedWarehouse(warehouse: Warehouse, reach: Reach): Warehouse {
  return {
    ...warehouse,
    async stage(stage, rows, call) {
      await reach(`before ${stage.table} is staged`)
      const count = await warehouse.stage(stage, rows, call)
      await reach(`after ${stage.table} is staged`)
      return count
    },
    async check(stage, checks, call) {
      await reach(`before ${stage.table} is tested`)
      return await warehouse.check(stage, checks, call)
    },
    async publish(publication, call) {
      await reach('before the date is published')
      const load = await warehouse.publish(publication, call)
      await reach('after the date is published')
      return load
    },
  }
}
