import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { duckdbEngine } from '../../src/datasources/duckdbEngine.ts'
import { duckdbSource } from '../../src/datasources/duckdbSource.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { createJobs } from '../../src/jobs/createJobs.ts'
import type { Job } from '../../src/jobs/job.ts'
import { type CreateLoansOptions, createLoans } from '../../src/loans/createLoans.ts'
import type { CountyAverage, Loans } from '../../src/loans/loans.ts'
import { createEncoder } from '../../src/parquet/encoder.ts'

/** The loans domain over a DuckDB file and a directory of its own, both removed by close(). */
export interface EmbeddedLoans extends AnotherServer {
  /** The directory itself, past any wrapper. */
  storage: Storage
  storageFolder: string
  /** What lies in the directory, beside the folder of leases. */
  visibleFiles(): Promise<string[]>
  /** What an operator was told. */
  notes: string[]
  /** Replaces the source: SQL statements that make `loans` and `loan_types`. */
  fill(...statements: string[]): Promise<void>
  /** Another server on the same source and the same directory; closed before this one. */
  another(wrap?: (storage: Storage) => Storage, options?: EmbeddedLoansOptions): AnotherServer
}

export type EmbeddedLoansOptions = Pick<
  CreateLoansOptions,
  'durableWithinMillis' | 'answerWithinMillis' | 'leaseLifeMillis'
>

export interface AnotherServer {
  loans: Loans
  migrate(): Promise<Job>
  cancel(jobId: string): Promise<Job>
  average(county: number): Promise<CountyAverage>
  close(): Promise<void>
}

/** Types 1 and 2, and `rows` per county with amounts 105,000, 115,000, ... from its code on. */
export function loansOf(counties: readonly number[], rows = 3, type = 'DOUBLE'): string[] {
  return [
    `CREATE TABLE loan_types AS SELECT * FROM (VALUES (1, 'Conventional'), (2, 'FHA')) AS t(id, loan_type_name)`,
    `CREATE TABLE loans AS SELECT county::${type} AS county_code, 1 + n % 2 AS loan_type_id,
       (100000 + 5000 + 10000 * n + county)::DOUBLE AS loan_amount, 'note ' || n AS note
       FROM (SELECT unnest([${counties.join(', ')}]) AS county), range(${rows}) AS r(n)`,
  ]
}

/** @param wrap Puts something between the domain and the directory, to count or to fail. */
export async function embeddedLoans(
  wrap: (storage: Storage) => Storage = storage => storage,
  options: EmbeddedLoansOptions = {},
): Promise<EmbeddedLoans> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-loans-'))
  const sourceFile = join(folder, 'source.duckdb')
  const storageFolder = join(folder, 'storage')
  const storage = localStorage({ folder: storageFolder })
  const source = duckdbSource({ file: sourceFile })
  const notes: string[] = []
  const parts = {
    source,
    workFolder: folder,
    note: (message: string, details: object) => notes.push(`${message}: ${JSON.stringify(details)}`),
  }
  const server = openServer('test', wrap(storage), parts, options)
  let servers = 1
  return {
    ...server,
    storage,
    storageFolder,
    notes,
    visibleFiles: async () => (await readdir(storageFolder)).filter(name => name !== '.millrace'),
    async fill(...statements) {
      await source.close()
      await rm(sourceFile, { force: true })
      const instance = await DuckDBInstance.create(sourceFile)
      const connection = await instance.connect()
      for (const statement of statements) await connection.run(statement)
      connection.closeSync()
      instance.closeSync()
    },
    another(wrapAnother = same => same, otherOptions = options) {
      servers += 1
      return openServer(`test-${servers}`, wrapAnother(storage), parts, otherOptions)
    },
    async close() {
      await server.close()
      await source.close()
      await storage.close()
      // A write that no answer waited for may still make a file.
      await rm(folder, { recursive: true, maxRetries: 5 })
    },
  }
}

function openServer(
  owner: string,
  storage: Storage,
  parts: Pick<CreateLoansOptions, 'source' | 'workFolder' | 'note'>,
  options: EmbeddedLoansOptions,
): AnotherServer {
  const jobs = createJobs({ file: ':memory:' })
  const encoder = createEncoder({ threads: 1 })
  const publisher = createPublisher(storage, owner)
  const loans = createLoans({
    ...parts,
    storage,
    engine: duckdbEngine({ storage, directory: null, publisher, workFolder: parts.workFolder }),
    publisher,
    encoder,
    jobs,
    owner,
    sourceWaitMillis: 0,
    storageWaitMillis: 0,
    migrationMemoryBytes: 1 << 20,
    sparkAboveRows: 0,
    ...options,
  })
  return {
    loans,
    migrate: () => jobs.finished(loans.migrate().id),
    cancel: id => jobs.cancel(id),
    async average(county) {
      const [answer] = await loans.averagesOf([county])
      if (answer instanceof Error) throw answer
      return answer!
    },
    async close() {
      await jobs.close()
      await encoder.close()
    },
  }
}
