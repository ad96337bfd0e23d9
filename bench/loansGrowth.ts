import mysql from 'mysql2/promise'
import type { Section } from './section.ts'
import { type BenchServer, startServer } from './server.ts'
import { median, quantile } from './statistics.ts'
import { repeated, timed } from './timing.ts'

/** Tenths of the sample's rows. */
const SIZES = [1, 10, 40]
const CLIENTS = [1, 10, 100]
const REUSES = 100
const ONE = '{ averageLoan(countyCode: 55025) { averageLoan source } }'

/** How cost grows with the table and with the clients. */
export const loansGrowth: Section = {
  name: 'growth',
  title: 'Loans: how cost grows',
  repeats: 1,
  async measure(bench) {
    const { env } = await bench.cluster()
    const rows: string[][] = []
    for (const tenths of SIZES) {
      bench.say(`  ${tenths / 10}x the sample`)
      const sourceUrl = await scaledSource(env.MILLRACE_SOURCE_URL!, tenths)
      const server = await startServer({ ...env, MILLRACE_SOURCE_URL: sourceUrl })
      try {
        rows.push(await measureSize(server, tenths))
      } finally {
        await server.stop()
        await dropSource(sourceUrl)
      }
    }
    return {
      text: `The sample's rows once, a tenth of them, and four times over, on the cluster. Reuse: one county's cached average, ${REUSES} asked by one client, then by several at
once (each as soon as its last has come).`,
      heads: [
        'rows of the table',
        'migrated',
        'seconds',
        'rows a second',
        'peak resident MB',
        'reuse p50 ms',
        ...CLIENTS.map(clients => `${clients} client${clients > 1 ? 's' : ''}: answers a second (p99 ms)`),
      ],
      rows,
    }
  },
}

async function measureSize(server: BenchServer, tenths: number): Promise<string[]> {
  let migrated = 0
  const seconds =
    (await timed(async () => {
      const { migrateLoans } = await server.ask<{ migrateLoans: { progress: { done: number } } }>(
        'mutation { migrateLoans { state progress { done } } }',
      )
      migrated = migrateLoans.progress.done
    })) / 1000
  const peak = await server.peakResidentMb()
  await server.ask(ONE)
  const reuse = median(await repeated(REUSES, () => timed(() => server.ask(ONE))))
  const load: string[] = []
  for (const clients of CLIENTS) load.push(await measureLoad(server, clients))
  return [
    `${tenths / 10}x`,
    migrated.toLocaleString('en'),
    seconds.toFixed(1),
    Math.round(migrated / seconds).toLocaleString('en'),
    peak.toFixed(0),
    reuse.toFixed(1),
    ...load,
  ]
}

async function measureLoad(server: BenchServer, clients: number): Promise<string> {
  const millis: number[] = []
  const started = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let answer = 0; answer < REUSES / Math.min(clients, 10); answer++)
        millis.push(await timed(() => server.ask(ONE)))
    }),
  )
  const seconds = (performance.now() - started) / 1000
  return `${(millis.length / seconds).toFixed(0)} (${quantile(millis, 0.99).toFixed(0)})`
}

/** A database beside the sample's with so many tenths of its loans. */
async function scaledSource(sampleUrl: string, tenths: number): Promise<string> {
  const url = new URL(sampleUrl)
  const [sample, scaled] = [url.pathname.slice(1), `bench_${tenths}`]
  const connection = await mysql.createConnection({ uri: sampleUrl })
  try {
    await connection.query(`CREATE DATABASE \`${scaled}\``)
    await connection.query(`CREATE TABLE \`${scaled}\`.loan_types AS SELECT * FROM \`${sample}\`.loan_types`)
    await connection.query(`CREATE TABLE \`${scaled}\`.loans AS SELECT * FROM \`${sample}\`.loans LIMIT 0`)
    const [counted] = await connection.query<mysql.RowDataPacket[]>(`SELECT COUNT(*) AS loans FROM \`${sample}\`.loans`)
    const tenth = Math.round(Number(counted[0]!.loans) / 10)
    for (let left = tenths; left > 0; left -= 10) {
      const limit = left >= 10 ? '' : ` LIMIT ${left * tenth}`
      await connection.query(`INSERT INTO \`${scaled}\`.loans SELECT * FROM \`${sample}\`.loans${limit}`)
    }
  } finally {
    await connection.end()
  }
  url.pathname = `/${scaled}`
  return url.href
}

async function dropSource(sourceUrl: string): Promise<void> {
  const connection = await mysql.createConnection({ uri: sourceUrl })
  await connection.query(`DROP DATABASE \`${new URL(sourceUrl).pathname.slice(1)}\``)
  await connection.end()
}
