import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchServer, startServer } from './server.ts'

/** What one run of the main job took. */
export interface LoansRun {
  migrateSeconds: number
  /** Of each `{ __typename }` asked while the migration ran, one after the other. */
  typenameMillis: number[]
  peakResidentMb: number
  createMillis: number
  reuseMillis: number[]
  createAllMillis: number
  reuseAllMillis: number[]
}

const REUSES = 30
const ONE = '{ averageLoan(countyCode: 55025) { averageLoan source } }'
const ALL = '{ counties { code averageLoan { averageLoan source } } }'

/** The main job once, on a data directory of its own: a migration with the API asked all the while, then averages. */
export async function runLoans(environment: Record<string, string>): Promise<LoansRun> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const server = await startServer({ ...environment, MILLRACE_DATA_DIR: dataDir })
  try {
    for (let warmUp = 0; warmUp < 50; warmUp++) await server.ask('{ __typename }')
    const { migrateSeconds, typenameMillis } = await migrateBesideQuestions(server)
    const peakResidentMb = await server.peakResidentMb()
    const createMillis = await timed(server, ONE)
    const reuseMillis = await repeated(REUSES, () => timed(server, ONE))
    const createAllMillis = await timed(server, ALL)
    const reuseAllMillis = await repeated(REUSES / 3, () => timed(server, ALL))
    return {
      migrateSeconds,
      typenameMillis,
      peakResidentMb,
      createMillis,
      reuseMillis,
      createAllMillis,
      reuseAllMillis,
    }
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function migrateBesideQuestions(server: BenchServer) {
  const typenameMillis: number[] = []
  let running = true
  const started = performance.now()
  const migration = server
    .ask<{ migrateLoans: { state: string; message: string } }>('mutation { migrateLoans { state message } }')
    .finally(() => {
      running = false
    })
  while (running) typenameMillis.push(await timed(server, '{ __typename }'))
  const { state, message } = (await migration).migrateLoans
  if (state !== 'SUCCEEDED') throw new Error(`the migration ended as ${state}: ${message}`)
  return { migrateSeconds: (performance.now() - started) / 1000, typenameMillis }
}

async function timed(server: BenchServer, query: string): Promise<number> {
  const started = performance.now()
  await server.ask(query)
  return performance.now() - started
}

async function repeated(times: number, measure: () => Promise<number>): Promise<number[]> {
  const results: number[] = []
  for (let time = 0; time < times; time++) results.push(await measure())
  return results
}
