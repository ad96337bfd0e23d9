import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import type { Job } from '../../src/jobs/job.ts'
import type { CountyAverage, MigrationEngine } from '../../src/loans/loans.ts'

/** The whole program against a real database and a real HDFS, in a data directory of its own. */
export interface ClusterApp {
  app: App
  /** The same storage through a keeper of the test's own. */
  storage: Storage
  /** The variables that bind another server to the same systems. */
  environment: Record<string, string>
  migrate(engine?: MigrationEngine): Promise<Job>
  /** In the order asked; throws the first error. */
  averages(counties: readonly number[]): Promise<CountyAverage[]>
  /** What it has warned of since this was last asked, for the message of an expectation. */
  warnings(): string
  close(): Promise<void>
}

export interface ClusterAppOptions {
  sourceUrl: string
  storageUrl: string
  /** Embedded where left out. */
  logUrl?: string
  /** DuckDB where left out. */
  engineUrl?: string
  sparkAboveRows?: number
}

export async function clusterApp(env: ClusterAppOptions): Promise<ClusterApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-app-'))
  const environment = {
    MILLRACE_SOURCE_URL: env.sourceUrl,
    MILLRACE_STORAGE_URL: env.storageUrl,
    ...(env.logUrl && { MILLRACE_LOG_URL: env.logUrl }),
    ...(env.engineUrl && { MILLRACE_ENGINE_URL: env.engineUrl }),
    ...(env.sparkAboveRows && { MILLRACE_SPARK_ABOVE_ROWS: String(env.sparkAboveRows) }),
    MILLRACE_SOURCE_WAIT_SECONDS: '5',
  }
  const config = readConfig({ ...environment, MILLRACE_DATA_DIR: dataDir, MILLRACE_PORT: '0' })
  const warnings: string[] = []
  const app = await createApp(config, { log: pino({ level: 'warn' }, { write: line => void warnings.push(line) }) })
  const storage = webHdfsStorage(parseWebHdfsUrl(env.storageUrl))
  const { loans, jobs } = app.domains
  return {
    app,
    storage,
    environment,
    migrate: engine => jobs.finished(loans.migrate(engine).id),
    async averages(counties) {
      const answers = await loans.averagesOf(counties)
      return answers.map(answer => {
        if (answer instanceof Error) throw answer
        return answer
      })
    },
    warnings: () => warnings.splice(0).join(''),
    async close() {
      await app.close()
      await storage.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
