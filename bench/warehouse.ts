import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../harness/cluster.ts'
import { fetchJdbcDriver } from './jdbcDriver.ts'
import type { Bench, Section } from './section.ts'
import { median } from './statistics.ts'
import type { ByHandRun } from './warehouseByHand.ts'
import { CITIZENS, type DateRun, type Days, makeDays } from './warehouseDays.ts'
import { type EmbeddedRun, runByHand, runEmbedded } from './warehouseEmbedded.ts'
import { measurePublish, type PublishRun } from './warehousePublish.ts'
import { runOnSpark, runPySpark } from './warehouseSpark.ts'

const JDBC_DRIVER = 'org.postgresql:postgresql:42.7.8'
const PUBLISH_REPEATS = 3

/** A day of the warehouse on both profiles, beside what somebody would write by hand for the same SQL. */
export const warehouse: Section = {
  name: 'warehouse',
  title: "Warehouse: a day's citizens to result tables",
  repeats: 3,
  async measure(bench) {
    const folder = join(bench.folder, 'warehouse')
    bench.say(`  making two days of ${CITIZENS.toLocaleString('en')} citizens`)
    const days = await makeDays(folder)
    const embedded: EmbeddedRun[] = []
    const byHand: ByHandRun[] = []
    // In turn, so that a machine that is slow for a while is slow for both.
    for (let repeat = 0; repeat < bench.repeats; repeat++) {
      bench.say('  the second day, embedded and by hand')
      embedded.push(await runEmbedded(days, join(folder, 'embedded')))
      byHand.push(await runByHand(days, join(folder, 'by-hand')))
    }
    const { publishes, spark, pySparkSeconds } = await measureOnCluster(bench, days, folder)

    const middle = <Run>(runs: readonly Run[], pick: (run: Run) => number) => median(runs.map(pick))
    const ratio = (mine: number, other: number) => `${(mine / other).toFixed(2)}x`
    const seconds = (value: number) => `${value.toFixed(1)} s`
    const row = (work: string, must: string, aim: string, mine: number, other: number, beside: string) => [
      work,
      must,
      aim,
      seconds(mine),
      `${beside}: ${seconds(other)}`,
      ratio(mine, other),
    ]
    const copy = middle(publishes, run => run.copy) / 1_000
    const again = embedded.map(run => run.again)
    return {
      text: `The second of two days with ${CITIZENS.toLocaleString('en')} citizens each (119 MB of CSV), from the inbox to published result tables with their data tests. By hand: one
transaction of DuckDB with the same SQL and tests (bench/warehouseByHand.ts), without what Millrace keeps for retries; PySpark on the same executors with a write by JDBC
(bench/peers/warehouse_spark.py), without data tests, the start of its session not counted; psql's \\copy into an empty table without indexes. Spark runs once on each side, after a first day.`,
      heads: ['work', 'must', 'aim', 'Millrace', 'beside', 'ratio'],
      rows: [
        row(
          'embedded, ingest to published',
          '<= 1.5x',
          '1.15x',
          middle(embedded, run => run.seconds),
          middle(byHand, run => run.seconds),
          'DuckDB by hand',
        ),
        row(
          'embedded, the same in processor seconds',
          '',
          '',
          middle(embedded, run => run.cpuSeconds),
          middle(byHand, run => run.cpuSeconds),
          'DuckDB by hand',
        ),
        [
          'embedded, peak resident memory',
          '',
          '',
          `${Math.max(...embedded.map(run => run.peakResidentMb)).toFixed(0)} MB`,
          '',
          '',
        ],
        row('Spark, HDFS and PostgreSQL, the same', '< 1x', '0.7x', spark.seconds, pySparkSeconds, 'PySpark by hand'),
        row(
          `publish of ${CITIZENS.toLocaleString('en')} rows into PostgreSQL, a new date`,
          '<= 1.5x',
          '1.2x',
          middle(publishes, run => run.newDate) / 1_000,
          copy,
          'psql \\copy',
        ),
        row(
          'the same, in the place of the rows that the date has',
          '',
          '',
          middle(publishes, run => run.sameDate) / 1_000,
          copy,
          'psql \\copy',
        ),
        [
          'a finished date again, embedded',
          'the check only',
          '',
          `${(middle(again, run => run.seconds) * 1_000).toFixed(0)} ms, ${(middle(again, run => run.cpuSeconds) * 1_000).toFixed(0)} ms of the processor; ${Math.max(...again.map(run => run.changedFiles))} files written`,
          '',
          '',
        ],
      ],
    }
  },
}

interface ClusterRuns {
  publishes: PublishRun[]
  spark: DateRun
  pySparkSeconds: number
}

async function measureOnCluster(bench: Bench, days: Days, folder: string): Promise<ClusterRuns> {
  const cluster = await startCluster({
    // Not in the bench's own folder, which the user postgres cannot get into.
    folder: await mkdtemp(join(tmpdir(), 'millrace-bench-cluster-')),
    services: ['hdfs', 'postgres', 'spark'],
    throwaway: true,
    progress: bench.say,
  })
  try {
    const jdbcDriver = await fetchJdbcDriver(JDBC_DRIVER, bench)
    bench.say('  the second day through Spark')
    const spark = await runOnSpark(days, cluster.env)
    bench.say('  the second day by PySpark')
    await cluster.kill('spark-connect') // it has all cores
    const pySparkSeconds = await runPySpark(days, cluster, jdbcDriver, folder)
    for (const name of cluster.names.filter(name => name.startsWith('spark') && name !== 'spark-connect')) {
      await cluster.kill(name)
    }
    bench.say('  publishing into PostgreSQL')
    const place = join(folder, 'publish')
    await mkdir(place)
    const publishes = await measurePublish(days, cluster.env.MILLRACE_WAREHOUSE_URL!, place, PUBLISH_REPEATS)
    return { publishes, spark, pySparkSeconds }
  } finally {
    await cluster.destroy()
  }
}
