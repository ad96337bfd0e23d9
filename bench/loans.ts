import { type BenchServer, startServer } from './server.ts'
import { repeated, timed } from './timing.ts'

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

/** The main job once, with a server process of its own: a migration with the API asked all the while, then averages. */
export async function runLoans(environment: Readonly<Record<string, string>>): Promise<LoansRun> {
  const server = await startServer(environment)
  try {
    for (let warmUp = 0; warmUp < 50; warmUp++) await server.ask('{ __typename }')
    const { migrateSeconds, typenameMillis } = await migrateBesideQuestions(server)
    const peakResidentMb = await server.peakResidentMb()
    const createMillis = await timed(() => server.ask(ONE))
    const reuseMillis = await repeated(REUSES, () => timed(() => server.ask(ONE)))
    const createAllMillis = await timed(() => server.ask(ALL))
    const reuseAllMillis = await repeated(REUSES / 3, () => timed(() => server.ask(ALL)))
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
  while (running) typenameMillis.push(await timed(() => server.ask('{ __typename }')))
  const { state, message } = (await migration).migrateLoans
  if (state !== 'SUCCEEDED') throw new Error(`the migration ended as ${state}: ${message}`)
  return { migrateSeconds: (performance.now() - started) / 1000, typenameMillis }
}
