import { setTimeout as delay } from 'node:timers/promises'
import { createPool } from 'mysql2/promise'
import { type BenchServer, startServer } from '../../bench/server.ts'
import type { Cluster } from '../../harness/cluster.ts'
import { fillLoans } from '../setup/wisconsinLoans.ts'
import { type Answer, ask } from './ask.ts'
import { startChaos } from './chaos.ts'
import { growthMb, type MemorySample } from './memory.ts'
import { anyQuestion, type Question } from './questions.ts'
import { type Random, seededRandom } from './random.ts'
import { createTally, type TallyRow } from './tally.ts'
import { startTruth, type Truth } from './truth.ts'

export interface SoakOptions {
  cluster: Cluster
  seconds: number
  questionsASecond: number
  seed: number
  /** Told in a line what goes on. */
  say: (line: string) => void
}

export interface SoakResult {
  rows: TallyRow[]
  /** DataNodes killed, hung and brought back. */
  events: string[]
  memory: MemorySample[]
  /** See growthMb; undefined for a run that ends with the warm-up. */
  growthMb: number | undefined
  /** What must not be: empty where all is well. No more than the first ones. */
  problems: string[]
}

const LOANS = 8_000
/** Unanswered questions beyond so many seconds' worth are those of a server that does not keep up. */
const MAX_BEHIND_SECONDS = 10
const MIGRATE_EVERY_SECONDS = 20
const MIGRATE = 'mutation { migrateLoans { state errorCode message } }'
const LARGEST_GROWTH_MB = 50
const PROBLEMS_SHOWN = 20
/** Beside UNAVAILABLE, what may come while DataNodes are away: a migration or a partition may have had its only replica on one. */
const TYPED = ['UNAVAILABLE', 'DATA_LOST']

/** Asks a server questions of all kinds while DataNodes die, and looks whether every answer is right or a typed error, and whether memory grows. */
export async function runSoak({ seed, ...options }: SoakOptions): Promise<SoakResult> {
  const { cluster } = options
  const random = seededRandom(seed)
  const pool = createPool({ uri: cluster.env.MILLRACE_SOURCE_URL!, connectionLimit: 1 })
  await fillLoans({ connection: pool }, LOANS)
  const server = await startServer(cluster.env)
  try {
    const first = await server.ask<{ migrateLoans: { state: string } }>(MIGRATE)
    if (first.migrateLoans.state !== 'SUCCEEDED') throw new Error(`the first migration: ${JSON.stringify(first)}`)
    const truth = await startTruth({ connection: pool })
    return await soak({ ...options, random, server, truth })
  } finally {
    await server.stop()
    await pool.end()
  }
}

interface Soaking extends Omit<SoakOptions, 'seed'> {
  random: Random
  server: BenchServer
  truth: Truth
}

async function soak({ cluster, seconds, questionsASecond, random, say, server, truth }: Soaking): Promise<SoakResult> {
  const tally = createTally()
  const problems: string[] = []
  const memory: MemorySample[] = []
  const unanswered = new Set<Promise<void>>()
  const startedAt = performance.now()
  const passedSeconds = () => (performance.now() - startedAt) / 1000
  const chaos = startChaos(cluster, seededRandom(random.between(0, 2 ** 31)), say)

  function complain(problem: string): void {
    if (problems.length < PROBLEMS_SHOWN) problems.push(`${passedSeconds().toFixed(1)} s: ${problem}`)
  }

  async function put(question: Question): Promise<void> {
    const before = truth.allowed()
    const answer = await ask(server.url, question.query)
    const allowed = new Set([...before, ...truth.allowed()])
    const problem = problemOf(question, answer) ?? question.problem(answer.data, [...allowed])
    tally.ended(question.kind, problem === undefined ? wordOf(question, answer) : 'WRONG', answer.seconds)
    if (problem !== undefined) complain(`${question.kind}: ${problem}`)
  }

  function begin(work: Promise<void>): void {
    const ended = work.catch(error => complain(String(error))).finally(() => unanswered.delete(ended))
    unanswered.add(ended)
  }

  async function migrate(): Promise<void> {
    await truth.migrate(async () => {
      const { data, codes, failure, seconds: tookSeconds } = await ask(server.url, MIGRATE)
      const job = data.migrateLoans as { state: string; errorCode: string | null } | undefined
      const code = job?.errorCode ?? codes[0] ?? failure
      const isTyped = code === undefined || code === null || TYPED.includes(code)
      tally.ended('migration', code ?? 'right', tookSeconds)
      if (!isTyped) complain(`migration: ${JSON.stringify({ job, codes, failure })}`)
      return job?.state === 'SUCCEEDED'
    })
  }

  let migrating = false
  let nextMigrationAt = MIGRATE_EVERY_SECONDS
  let sampledAt = -Infinity
  for (let asked = 0; passedSeconds() < seconds; asked += 1) {
    if (unanswered.size < MAX_BEHIND_SECONDS * questionsASecond) begin(put(anyQuestion(random)))
    else tally.ended('not asked: the server does not keep up', 'WRONG', 0)
    if (!migrating && passedSeconds() >= nextMigrationAt) {
      migrating = true
      nextMigrationAt = passedSeconds() + MIGRATE_EVERY_SECONDS
      begin(migrate().finally(() => (migrating = false)))
    }
    if (passedSeconds() - sampledAt >= 1) {
      sampledAt = passedSeconds()
      memory.push({ atSeconds: sampledAt, megabytes: await server.residentMb() })
    }
    await delay(Math.max(0, startedAt + ((asked + 1) * 1000) / questionsASecond - performance.now()))
  }
  await Promise.all(unanswered)
  await chaos.stop()

  if (tally.counts().has('not asked: the server does not keep up')) complain('the server did not keep up')
  const grown = growthMb(memory)
  if (grown !== undefined && grown > LARGEST_GROWTH_MB) {
    complain(`resident memory grew by ${grown.toFixed(0)} MB, more than ${LARGEST_GROWTH_MB}`)
  }
  return { rows: tally.rows(), events: chaos.events, memory, growthMb: grown, problems }
}

/** How an answer ended that is not wrong. */
function wordOf({ expectedCode }: Question, { codes }: Answer): string {
  return expectedCode === undefined ? (codes[0] ?? 'right') : 'right'
}

function problemOf({ expectedCode, query }: Question, { codes, failure, data }: Answer): string | undefined {
  if (failure !== undefined) return `no answer to ${query}: ${failure}`
  if (expectedCode !== undefined) {
    return codes[0] === expectedCode
      ? undefined
      : `expected ${expectedCode} for ${query}, got ${JSON.stringify({ codes, data })}`
  }
  const untyped = codes.filter(code => !TYPED.includes(code))
  return untyped.length === 0 ? undefined : `${untyped.join(', ')} for ${query}`
}
