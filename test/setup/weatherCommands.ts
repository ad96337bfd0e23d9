import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { kafkaOptions } from './kafkaOptions.ts'
import { createMysqlDatabase, type MysqlDatabase } from './mysqlDatabase.ts'
import { type RunningProcess, startProcess } from './runningProcess.ts'

/** Built by "npm test" before the tests. */
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

const ENDS_WITHIN_MILLIS = 60_000

/** The weather commands on real systems, with a database, a topic and a storage of their own. */
export interface WeatherCommands {
  environment: Record<string, string>
  database: MysqlDatabase
  storage: Storage
  topic: string
  /** `millrace weather <words>` as a process. */
  start(...words: string[]): RunningProcess
  /** What a command printed on stdout, when it has ended, which it must within a minute. */
  run(...words: string[]): Promise<{ code: number; stdout: string }>
  /** Kills what still runs, and removes everything. */
  close(): Promise<void>
}

export async function openWeatherCommands(
  env: Readonly<Record<string, string>>,
  settings: Record<string, string> = {},
): Promise<WeatherCommands> {
  const topic = `weather-${randomUUID()}`
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-weather-'))
  const database = await createMysqlDatabase(env.MILLRACE_SOURCE_URL!)
  const storageUrl = `${env.MILLRACE_STORAGE_URL!}/${topic}`
  const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
  const environment = {
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_SOURCE_URL: database.url,
    MILLRACE_STORAGE_URL: storageUrl,
    MILLRACE_LOG_URL: env.MILLRACE_LOG_URL!,
    MILLRACE_WEATHER_TOPIC: topic,
    ...settings,
  }
  const started: RunningProcess[] = []

  function start(...words: string[]): RunningProcess {
    const running = startProcess(process.execPath, [CLI, 'weather', ...words], {
      PATH: process.env.PATH,
      ...environment,
    })
    started.push(running)
    return running
  }

  return {
    environment,
    database,
    storage,
    topic,
    start,
    async run(...words) {
      const running = start(...words)
      const tooLong = setTimeout(() => running.child.kill('SIGKILL'), ENDS_WITHIN_MILLIS)
      const code = await running.ended
      clearTimeout(tooLong)
      if (code === null) throw new Error(`expected "millrace weather ${words.join(' ')}" to end: ${running.output()}`)
      return { code, stdout: running.stdout() }
    },
    async close() {
      for (const { child } of started) child.kill('SIGKILL')
      await Promise.all(started.map(({ ended }) => ended))
      const log = kafkaLog(kafkaOptions(environment.MILLRACE_LOG_URL))
      await log.removeTopic(topic)
      await log.close()
      await storage.close()
      const above = webHdfsStorage(parseWebHdfsUrl(env.MILLRACE_STORAGE_URL!))
      await above.remove(`/${topic}`)
      await above.close()
      await database.drop()
      await rm(dataDir, { recursive: true })
    },
  }
}
