import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../harness/cluster.ts'
import { loadSampleInto } from '../src/loans/sample/loadSample.ts'
import type { Section } from './section.ts'
import { type BenchServer, startServer } from './server.ts'
import { median } from './statistics.ts'
import { repeated, timed } from './timing.ts'

const REUSES = 200
const ALL = '{ counties { code averageLoan { loans averageLoan } } }'
const ONE = '{ averageLoan(countyCode: 55025) { averageLoan source } }'

/** The same loans migrated by this process into a file, and by Spark into a folder of files, and averages of both. */
export const loansSpark: Section = {
  name: 'spark',
  title: 'Loans through Spark',
  repeats: 1,
  async measure(bench) {
    const cluster = await startCluster({
      folder: await mkdtemp(join(tmpdir(), 'millrace-bench-cluster-')),
      services: ['mysql', 'hdfs', 'spark'],
      throwaway: true,
      progress: bench.say,
    })
    try {
      await loadSampleInto(cluster.env.MILLRACE_SOURCE_URL!)
      const server = await startServer(cluster.env)
      try {
        const local = await runWith(server, 'LOCAL')
        await migrate(server, 'SPARK') // Spark's first work loads what it consists of
        const spark = await runWith(server, 'SPARK')
        const same = local.averages === spark.averages ? 'equal' : 'NOT EQUAL'
        const ratio = (pick: (run: Run) => number) => `${(pick(spark) / pick(local)).toFixed(2)}x`
        const row = (work: string, must: string, pick: (run: Run) => number, shown: (value: number) => string) => [
          work,
          must,
          shown(pick(spark)),
          shown(pick(local)),
          ratio(pick),
        ]
        const seconds = (millis: number) => `${(millis / 1000).toFixed(1)} s`
        return {
          text: `The sample's loans from MariaDB to HDFS by \`migrateLoans(engine: SPARK)\`, Spark with two executors of one core each and already warm, and by \`LOCAL\`; then averages of both, each cached one ${REUSES} times.`,
          heads: ['what', 'must', 'SPARK', 'LOCAL', 'ratio'],
          rows: [
            row('migrate', '', run => run.migrateMillis, seconds),
            row('72 counties uncached, one query', '', run => run.createAllMillis, seconds),
            row(
              'cached average, p50',
              'as fast',
              run => median(run.reuseMillis),
              millis => `${millis.toFixed(1)} ms`,
            ),
            ['all averages and counts', 'equal', same, '', ''],
          ],
        }
      } finally {
        await server.stop()
      }
    } finally {
      await cluster.destroy()
    }
  },
}

interface Run {
  migrateMillis: number
  createAllMillis: number
  reuseMillis: number[]
  /** Of all counties, as JSON. */
  averages: string
}

async function runWith(server: BenchServer, engine: 'LOCAL' | 'SPARK'): Promise<Run> {
  const migrateMillis = await timed(() => migrate(server, engine))
  const createAllMillis = await timed(() => server.ask(ALL))
  const averages = JSON.stringify(await server.ask(ALL))
  const reuseMillis = await repeated(REUSES, () => timed(() => server.ask(ONE)))
  return { migrateMillis, createAllMillis, reuseMillis, averages }
}

async function migrate(server: BenchServer, engine: 'LOCAL' | 'SPARK'): Promise<void> {
  const { migrateLoans } = await server.ask<{ migrateLoans: { state: string; message: string } }>(
    `mutation { migrateLoans(engine: ${engine}) { state message } }`,
  )
  if (migrateLoans.state !== 'SUCCEEDED') throw new Error(`migrating by ${engine}: ${migrateLoans.message}`)
}
