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
  migrate(engine?: MigrationEngine): Promise<Job>
  /** In the order asked; throws the first error. */
  averages(counties: readonly number[]): Promise<CountyAverage[]>
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
  const config = readConfig({
    MILLRACE_SOURCE_URL: env.sourceUrl,
    MILLRACE_STORAGE_URL: env.storageUrl,
    MILLRACE_LOG_URL: env.logUrl,
    MILLRACE_ENGINE_URL: env.engineUrl,
    MILLRACE_SPARK_ABOVE_ROWS: env.sparkAboveRows?.toString(),
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    MILLRACE_SOURCE_WAIT_SECONDS: '5',
  })
  const app = await createApp(config, { log: pino({ level: 'silent' }) })
  const storage = webHdfsStorage(parseWebHdfsUrl(env.storageUrl))
  const { loans, jobs } = app.domains
  return {
    app,
    storage,
    migrate: engine => jobs.finished(loans.migrate(engine).id),
    async averages(counties) {
      const answers = await loans.averagesOf(counties)
      return answers.map(answer => {
        if (answer instanceof Error) throw answer
        return answer
      })
    },
    async close() {
      await app.close()
      await storage.close()
      await rm(dataDir, { recursive: true })
    },
  }
}
