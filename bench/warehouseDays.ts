import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { embeddedReferenceTables } from '../src/embeddedCitizens.ts'
import { inboxPath } from '../src/warehouse/ingest/ingestCitizens.ts'
import { createCitizens } from '../src/warehouse/sample/createCitizens.ts'
import type { BenchServer } from './server.ts'

export const CITIZENS = 1_000_000
/** The second has a day before, as every day but the first has. */
export const DAYS = ['2026-11-19', '2026-11-20'] as const
const LOOK_MILLIS = 20

/** What both sides of a comparison begin with. */
export interface Days {
  /** Of each day's CSV, as Millrace wants it. */
  inbox: string
  /** A DuckDB file with the tables regions and occupations. */
  source: string
  csv(day: string): string
}

export async function makeDays(folder: string): Promise<Days> {
  const inbox = join(folder, 'inbox')
  const csv = (day: string) => join(inbox, inboxPath(day))
  for (const date of DAYS) await createCitizens({ file: csv(date), date, rows: CITIZENS })
  const source = join(folder, 'reference.duckdb')
  await (await embeddedReferenceTables({ file: source })).close()
  return { inbox, source, csv }
}

export interface DateRun {
  seconds: number
  cpuSeconds: number
  message: string
}

/** From the mutation to the end of its job. */
export async function runDate(server: BenchServer, date: string): Promise<DateRun> {
  const began = { millis: performance.now(), cpu: await server.cpuMillis() }
  const { runWarehouse } = await server.ask<{ runWarehouse: { id: string } }>(
    `mutation { runWarehouse(date: "${date}", wait: false) { id } }`,
  )
  for (;;) {
    const { job } = await server.ask<{ job: { state: string; message: string } }>(
      `{ job(id: "${runWarehouse.id}") { state message } }`,
    )
    if (job.state === 'SUCCEEDED') {
      const cpuSeconds = ((await server.cpuMillis()) - began.cpu) / 1_000
      return { seconds: (performance.now() - began.millis) / 1_000, cpuSeconds, message: job.message }
    }
    if (job.state !== 'QUEUED' && job.state !== 'RUNNING')
      throw new Error(`${date} ended as ${job.state}: ${job.message}`)
    await delay(LOOK_MILLIS)
  }
}
