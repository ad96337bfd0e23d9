import { writeSync } from 'node:fs'
import type { Engine, EngineSession } from '../../src/datasources/engine.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import type { Warehouse } from '../../src/datasources/warehouse.ts'
import { embeddedWarehouse } from './embeddedWarehouse.ts'

/** The argument of this program, as JSON. */
export interface CrashPlan {
  folder: string
  date: string
  /** As told by reach() below. */
  moment: string
}

/** Runs a date by force and, when it comes to the moment, says so and kills itself with -9. */
const { folder, date, moment } = JSON.parse(process.argv[2]!) as CrashPlan
const embedded = await embeddedWarehouse({
  folder,
  wrap: { storage: watchedStorage, engine: watchedEngine, warehouse: watchedWarehouse },
})
const outcome = await embedded.run(date, { force: true })
throw new Error(`expected to be killed at "${moment}", but the run ended: ${JSON.stringify(outcome)}`)

function reach(reached: string): void {
  if (reached !== moment) return
  writeSync(process.stdout.fd, moment)
  process.kill(process.pid, 'SIGKILL')
}

function watchedStorage(storage: Storage): Storage {
  const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
  return {
    ...storage,
    async create(path, content, layout, call) {
      const name = nameOf(path).split('.', 2)[1]
      reach(`before ${name} is written`)
      async function* watched() {
        for await (const chunk of content) {
          yield chunk
          reach(`in the middle of ${name}`)
        }
      }
      await storage.create(path, watched(), layout, call)
    },
    async rename(from, to, call) {
      reach(`before ${nameOf(to)} stands`)
      await storage.rename(from, to, call)
      reach(`after ${nameOf(to)} stands`)
    },
    async remove(path, call) {
      await storage.remove(path, call)
      reach(`after ${nameOf(path)} is removed`)
    },
  }
}

function watchedEngine(engine: Engine): Engine {
  const watched = (session: EngineSession): EngineSession => ({
    ...session,
    async write(sql, folder, values, call) {
      const table = folder.split('/').at(-2)
      reach(`before ${table} is made`)
      const written = await session.write(sql, folder, values, call)
      reach(`after ${table} is made`)
      return written
    },
  })
  return { ...engine, open: async call => watched(await engine.open(call)) }
}

function watchedWarehouse(warehouse: Warehouse): Warehouse {
  return {
    ...warehouse,
    async stage(stage, rows, call) {
      reach(`before ${stage.table} is staged`)
      const count = await warehouse.stage(stage, rows, call)
      reach(`after ${stage.table} is staged`)
      return count
    },
    async check(stage, checks, call) {
      reach(`before ${stage.table} is tested`)
      return await warehouse.check(stage, checks, call)
    },
    async publish(publication, call) {
      reach('before the date is published')
      const load = await warehouse.publish(publication, call)
      reach('after the date is published')
      return load
    },
  }
}
