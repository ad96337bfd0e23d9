import { writeSync } from 'node:fs'
import { waitUntil } from '../../harness/wait.ts'
import { createApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { duckdbSource } from '../../src/datasources/duckdbSource.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import type { Source } from '../../src/datasources/source.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { type Reach, watchedSource, watchedStorage } from './crashingKeepers.ts'
import type { CrashPoint } from './crashPoints.ts'

/** The argument of this program, as JSON. */
export interface CrashPlan {
  /** A migration, or the averages of counties. */
  work: 'migration' | { counties: number[] }
  point: CrashPoint
}

/** HDFS makes a file a moment after it asked for the first of its content. */
const TEMPORARY_MILLIS = 10_000

/** A server that begins some work by itself and, when it comes to the point, says so and kills itself with -9. */
const { work, point } = JSON.parse(process.argv[2]!) as CrashPlan
const config = readConfig(process.env)
const storage = openStorage(config)
let armed = false
let times = 0

const app = await createApp(config, {
  source: watchedSource(openSource(config), reach),
  storage: watchedStorage(storage, reach),
})
await app.listen()
armed = true
const { loans, jobs } = app.domains
const outcome = work === 'migration' ? await jobs.finished(loans.migrate().id) : await loans.averagesOf(work.counties)
await app.close()
throw new Error(`expected to be killed ${point.name}, but the work ended: ${JSON.stringify(outcome)}`)

async function reach(...[moment, temporary]: Parameters<Reach>): Promise<void> {
  if (!armed || moment !== point.moment || ++times !== point.time) return
  if (temporary && moment !== 'create') await untilThere(temporary)
  writeSync(process.stdout.fd, `${point.name}\n`)
  process.kill(process.pid, 'SIGKILL')
}

async function untilThere(path: string): Promise<void> {
  const isThere = () => storage.stat(path).then(Boolean, () => false)
  await waitUntil({ description: path, timeoutMillis: TEMPORARY_MILLIS, pollMillis: 5 }, isThere)
}

function openSource({ source }: Config): Source {
  return source.kind === 'mysql' ? mysqlSource({ url: source }) : duckdbSource(source)
}

function openStorage({ storage }: Config): Storage {
  return storage.kind === 'webhdfs' ? webHdfsStorage(storage) : localStorage(storage)
}
