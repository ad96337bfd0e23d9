import type { Engine } from '../datasources/engine.ts'
import type { Publisher } from '../datasources/publish.ts'
import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import type { Jobs } from '../jobs/job.ts'
import type { Encoder } from '../parquet/encoder.ts'
import { ANSWER_WITHIN_MILLIS, countyAverages, DURABLE_WITHIN_MILLIS } from './countyAverages.ts'
import { countyName } from './countyNames.ts'
import { loansFiles } from './currentLoansFile.ts'
import { dropPartitions } from './dropPartitions.ts'
import type { Loans } from './loans.ts'
import { sparkProblem } from './migrateBySpark.ts'
import { migrateLoans } from './migrateLoans.ts'

export interface CreateLoansOptions {
  source: Source
  storage: Storage
  engine: Engine
  publisher: Publisher
  encoder: Encoder
  jobs: Jobs
  /** A local folder for files that live no longer than a call. */
  workFolder: string
  /** How long a migration waits for a source, and for a storage, that is not ready. */
  sourceWaitMillis: number
  storageWaitMillis: number
  migrationMemoryBytes: number
  /** A migration by AUTO takes Spark for more rows, where it can. */
  sparkAboveRows: number
  /** This server, by its data directory, among those that share the storage. */
  owner: string
  /** LEASE_LIFE_MILLIS where left out. */
  leaseLifeMillis?: number
  /** How long after its question an average waits for its partition to be durable; DURABLE_WITHIN_MILLIS where left out. */
  durableWithinMillis?: number
  /** How long a question waits in all; ANSWER_WITHIN_MILLIS where left out. */
  answerWithinMillis?: number
  /** Told of what a user does not see but an operator may want to. */
  note: (message: string, details: object) => void
}

export function createLoans(options: CreateLoansOptions): Loans {
  const { source, storage, engine, publisher, jobs, workFolder, migrationMemoryBytes: memoryBytes, note } = options
  const files = loansFiles(storage, { workFolder })
  return {
    migrate(wanted = 'AUTO') {
      const problem = wanted === 'SPARK' && sparkProblem(engine, source)
      if (problem) throw problem
      return jobs.start('MIGRATE_LOANS', control => migrateLoans({ ...options, memoryBytes }, wanted, control))
    },
    averagesOf: countyAverages({
      storage,
      publisher,
      files,
      note,
      nowMillis: () => performance.now(),
      durableWithinMillis: options.durableWithinMillis ?? DURABLE_WITHIN_MILLIS,
      answerWithinMillis: options.answerWithinMillis ?? ANSWER_WITHIN_MILLIS,
    }),
    dropPartitions: codes => dropPartitions(storage, codes),
    async counties() {
      const { counties } = await files.current({})
      return [...counties.keys()]
        .sort((a, b) => a - b)
        .map(code => ({ code, name: countyName(code) ?? `County ${code}` }))
    },
  }
}
