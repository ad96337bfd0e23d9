import { writeSync } from 'node:fs'
import { embeddedWarehouse } from './embeddedWarehouse.ts'
import { watchedEngine, watchedStorage, watchedWarehouse } from './warehouseMoments.ts'

/** The argument of this program, as JSON. */
export interface CrashPlan {
  folder: string
  transformsFolder: string
  date: string
  /** One of those in warehouseMoments.ts. */
  moment: string
}

/** Runs a date by force and, when it comes to the moment, says so and kills itself with -9. */
const { folder, transformsFolder, date, moment } = JSON.parse(process.argv[2]!) as CrashPlan
const embedded = await embeddedWarehouse({
  folder,
  transformsFolder,
  wrap: {
    storage: storage => watchedStorage(storage, reach),
    engine: engine => watchedEngine(engine, reach),
    warehouse: warehouse => watchedWarehouse(warehouse, reach),
  },
})
const outcome = await embedded.run(date, { force: true })
throw new Error(`expected to be killed at "${moment}", but the run ended: ${JSON.stringify(outcome)}`)

function reach(reached: string): void {
  if (reached !== moment) return
  writeSync(process.stdout.fd, moment)
  process.kill(process.pid, 'SIGKILL')
}
