import { join } from 'node:path'
import { bareRead, bareWrite, drain } from './floors.ts'
import { fetchJdbcDriver } from './jdbcDriver.ts'
import { type PeerRun, runPeer } from './peers.ts'
import type { Section } from './section.ts'
import { type BenchServer, startServer } from './server.ts'
import { median } from './statistics.ts'
import { repeated, timed } from './timing.ts'

const JDBC_DRIVER = 'org.mariadb.jdbc:mariadb-java-client:3.5.6'
const SPARK_REQUIREMENTS = join(import.meta.dirname, '../harness/spark/requirements.txt')
/** The peers' county, with some 35,000 loans. */
const COUNTY = 55025
const REUSES = 100
const CREATES = 10

/** Millrace beside other ways to the same results, and beside the least that any way costs, on one cluster in one session. */
export const loansPeers: Section = {
  name: 'peers',
  title: 'Loans beside other ways, and beside the floor',
  repeats: 3,
  async measure(bench) {
    const { env } = await bench.cluster()
    const [sourceUrl, storageUrl] = [env.MILLRACE_SOURCE_URL!, env.MILLRACE_STORAGE_URL!]
    const args = [sourceUrl, storageUrl, String(COUNTY), String(CREATES)]
    const peer = (script: string, options: { requirements?: string; more?: string[] } = {}) =>
      runPeer(script, [...args, ...(options.more ?? [])], { ...options, say: bench.say })

    const ours: OurRun[] = []
    const drains: number[] = []
    const connectorx: PeerRun[] = []
    const original: PeerRun[] = []
    const spark: PeerRun[] = []
    const jdbcDriver = await fetchJdbcDriver(JDBC_DRIVER, bench)
    // In turn, so that a machine that is slow for a while is slow for all.
    for (let repeat = 0; repeat < bench.repeats; repeat++) {
      drains.push(await drain(sourceUrl))
      ours.push(await runOurs(env))
      connectorx.push(await peer('connectorx_arrow.py'))
      original.push(await peer('original.py'))
      spark.push(await peer('spark_jdbc.py', { requirements: SPARK_REQUIREMENTS, more: [jdbcDriver] }))
    }
    const duckdb = await peer('duckdb_average.py')
    for (const { averages } of [...original, duckdb]) {
      const expected = ours[0]!.average
      if (averages.some(average => average !== expected))
        throw new Error(`expected ${expected}, got ${averages.join()}`)
    }

    const middle = (pick: (run: OurRun) => number) => median(ours.map(pick))
    const migrate = middle(run => run.migrateSeconds)
    const step = (runs: PeerRun[], name: string) => median(runs.flatMap(({ steps }) => steps[name] ?? []))
    const times = (mine: number, other: number) => `${(mine / other).toFixed(2)}x`
    const seconds = (value: number) => `${value.toFixed(1)} s`
    const millis = (value: number) => `${value.toFixed(0)} ms`
    const reuse = middle(run => median(run.reuseMillis))
    const read = middle(run => median(run.bareReadMillis))
    const create = (pick: (run: OurRun) => CreateRun) => middle(run => median(pick(run).millis))
    const { middleCounty, largestCounty } = ours[0]!
    return {
      text: `(a) the original's way: pandas over mysql-connector, pyarrow, fsspec's WebHDFS; (b) connectorx and pyarrow; (c) DuckDB in Python over fsspec's WebHDFS; (d) PySpark
local[2] by JDBC. Floors: mysql2 that drops the rows; two bare WebHDFS requests for the same bytes. Scripts under bench/peers; versions in their requirements.txt.
Millrace through GraphQL over HTTP, each partition durable before its answer. The peers write the rows in no order and without an index.`,
      heads: ['work', 'bound', 'Millrace', 'beside', 'ratio'],
      rows: [
        [
          'migrate',
          '<= 1.6x',
          seconds(migrate),
          `draining the rows: ${seconds(median(drains))}`,
          times(migrate, median(drains)),
        ],
        ...(
          [
            ['(b) connectorx', '< 1x', connectorx],
            ['(a) original', '', original],
            ['(d) PySpark', '', spark],
          ] as const
        ).map(([name, bound, runs]) => {
          const other = step(runs, 'migrate')
          return ['migrate', bound, seconds(migrate), `${name}: ${seconds(other)}`, times(migrate, other)]
        }),
        [
          'migrate, peak resident memory',
          '<= 500 MB',
          `${Math.max(...ours.map(run => run.peakResidentMb)).toFixed(0)} MB`,
          `(a) ${memory(original)}, (b) ${memory(connectorx)}`,
          '',
        ],
        [
          'reuse, p50',
          '<= 2x',
          `${reuse.toFixed(1)} ms`,
          `two bare requests: ${read.toFixed(1)} ms`,
          times(reuse, read),
        ],
        [
          'reuse, p50',
          '',
          `${reuse.toFixed(1)} ms`,
          `(a) ${millis(step(original, 'reuse') * 1000)}`,
          times(reuse, step(original, 'reuse') * 1000),
        ],
        [
          'reuse, p50, against an uncached average',
          '',
          `${reuse.toFixed(1)} ms`,
          `(c) ${millis(step([duckdb], 'average') * 1000)}`,
          times(reuse, step([duckdb], 'average') * 1000),
        ],
        [
          `create, county of ${middleCounty.loans.toLocaleString('en')} loans`,
          '<= 100 ms',
          millis(create(run => run.middleCounty)),
          `one bare write of as many bytes: ${millis(middle(run => median(run.middleCounty.bareWriteMillis)))}`,
          '',
        ],
        [
          `create, county of ${largestCounty.loans.toLocaleString('en')} loans`,
          '<= 200 ms',
          millis(create(run => run.largestCounty)),
          `one bare write of as many bytes: ${millis(middle(run => median(run.largestCounty.bareWriteMillis)))}; (a) county ${COUNTY}: ${millis(step(original, 'create') * 1000)}`,
          '',
        ],
        [
          '72 counties uncached, one query',
          '<= 2 s',
          `${(middle(run => run.createAllMillis) / 1000).toFixed(2)} s`,
          '',
          '',
        ],
        ['72 counties cached, one query', '<= 300 ms', millis(middle(run => median(run.reuseAllMillis))), '', ''],
      ],
    }
  },
}

interface CreateRun {
  loans: number
  millis: number[]
  bareWriteMillis: number[]
}

interface OurRun {
  migrateSeconds: number
  peakResidentMb: number
  average: number
  reuseMillis: number[]
  bareReadMillis: number[]
  middleCounty: CreateRun
  largestCounty: CreateRun
  createAllMillis: number
  reuseAllMillis: number[]
}

interface County {
  code: number
  averageLoan: { loans: number }
}

const ALL = '{ counties { code averageLoan { loans averageLoan source } } }'
const one = (code: number) => `{ averageLoan(countyCode: ${code}) { averageLoan cost { bytesRead } source } }`

/** The main job, with a server process and a data directory of its own. */
async function runOurs(environment: Readonly<Record<string, string>>): Promise<OurRun> {
  const server = await startServer(environment)
  try {
    const migrateSeconds = (await timed(() => server.ask('mutation { migrateLoans { state } }'))) / 1000
    const peakResidentMb = await server.peakResidentMb()
    const createAllMillis = await timed(() => server.ask(ALL))
    const reuseAllMillis = await repeated(CREATES, () => timed(() => server.ask(ALL)))

    const { counties } = await server.ask<{ counties: County[] }>(ALL)
    const byLoans = counties.toSorted((left, right) => right.averageLoan.loans - left.averageLoan.loans)
    const nearest = byLoans.toSorted((left, right) => distance(left) - distance(right))[0]!
    const storageUrl = environment.MILLRACE_STORAGE_URL!
    const middleCounty = await measureCreate(server, storageUrl, nearest)
    const largestCounty = await measureCreate(server, storageUrl, byLoans[0]!)

    const { averageLoan } = await server.ask<{ averageLoan: { averageLoan: number; cost: { bytesRead: number } } }>(
      one(COUNTY),
    )
    const path = `/partitions/${COUNTY}.parquet`
    const length = await lengthOf(server, path)
    const bytes = averageLoan.cost.bytesRead
    const reuseMillis: number[] = []
    const bareReadMillis: number[] = []
    for (let reuse = 0; reuse < REUSES; reuse++) {
      reuseMillis.push(await timed(() => server.ask(one(COUNTY))))
      bareReadMillis.push(await bareRead(storageUrl, path, length - bytes, bytes))
    }
    return {
      migrateSeconds,
      peakResidentMb,
      average: averageLoan.averageLoan,
      reuseMillis,
      bareReadMillis,
      middleCounty,
      largestCounty,
      createAllMillis,
      reuseAllMillis,
    }
  } finally {
    await server.stop()
  }
}

const MIDDLE_LOANS = 12_000
function distance({ averageLoan }: County): number {
  return Math.abs(averageLoan.loans - MIDDLE_LOANS)
}

async function measureCreate(
  server: BenchServer,
  storageUrl: string,
  { code, averageLoan }: County,
): Promise<CreateRun> {
  const content = new Uint8Array(await lengthOf(server, `/partitions/${code}.parquet`))
  const millis: number[] = []
  const bareWriteMillis: number[] = []
  for (let create = 0; create < CREATES; create++) {
    await server.ask(`mutation { dropPartitions(countyCodes: [${code}]) }`)
    millis.push(await timed(() => server.ask(one(code))))
    bareWriteMillis.push(await bareWrite(storageUrl, '/bench/write', content))
  }
  return { loans: averageLoan.loans, millis, bareWriteMillis }
}

async function lengthOf(server: BenchServer, path: string): Promise<number> {
  const { blockLocations } = await server.ask<{ blockLocations: { length: number } }>(
    `{ blockLocations(path: "${path}") { length } }`,
  )
  return blockLocations.length
}

function memory(runs: PeerRun[]): string {
  return `${Math.max(...runs.map(({ peakResidentMb }) => peakResidentMb)).toFixed(0)} MB`
}
