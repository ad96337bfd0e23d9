import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../harness/command.ts'
import { startServer } from './server.ts'
import type { ByHandPlan, ByHandRun } from './warehouseByHand.ts'
import { DAYS, type DateRun, type Days, runDate } from './warehouseDays.ts'

const BY_HAND = join(import.meta.dirname, 'warehouseByHand.ts')
const [FIRST, SECOND] = DAYS

export interface EmbeddedRun extends DateRun {
  peakResidentMb: number
  /** The same date once more. */
  again: DateRun & { changedFiles: number }
}

/** The second day, in a storage and a warehouse that have the first. */
export async function runEmbedded({ inbox, source }: Days, folder: string): Promise<EmbeddedRun> {
  const storage = join(folder, 'storage')
  const server = await startServer({
    MILLRACE_SOURCE_URL: `duckdb:${source}`,
    MILLRACE_CITIZENS_URL: `file:${inbox}`,
    MILLRACE_STORAGE_URL: `file:${storage}`,
    MILLRACE_WAREHOUSE_URL: `duckdb:${join(folder, 'warehouse.duckdb')}`,
  })
  try {
    await runDate(server, FIRST)
    const run = await runDate(server, SECOND)
    const peakResidentMb = await server.peakResidentMb()
    const before = await timesOf(storage)
    const again = await runDate(server, SECOND)
    const after = await timesOf(storage)
    const changedFiles = [...after].filter(([file, time]) => before.get(file) !== time).length
    return { ...run, peakResidentMb, again: { ...again, changedFiles } }
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The same by a script for DuckDB alone. */
export async function runByHand(days: Days, folder: string): Promise<ByHandRun> {
  const run = async (date: string, before: string | null) => {
    const plan: ByHandPlan = { csv: days.csv(date), source: days.source, folder, date, before }
    return JSON.parse(await runCommand(process.execPath, [BY_HAND, JSON.stringify(plan)])) as ByHandRun
  }
  try {
    await run(FIRST, null)
    return await run(SECOND, FIRST)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** When each file was written last. */
async function timesOf(folder: string): Promise<Map<string, number>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return new Map(await Promise.all(files.map(async file => [file, (await stat(file)).mtimeMs] as const)))
}
