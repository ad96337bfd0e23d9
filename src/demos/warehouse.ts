import { join } from 'node:path'
import type { Client } from '../client/client.ts'
import {
  RunWarehouseDocument,
  WarehouseRowsDocument,
  WarehouseRunsDocument,
  WarehouseTablesDocument,
} from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { followJob } from '../commands/followJob.ts'
import { createProgressDisplay } from '../commands/progressDisplay.ts'
import { formatTable } from '../commands/table.ts'
import { formatRows } from '../commands/warehouseRows.ts'
import { formatBytes, formatCount } from '../commands/words.ts'
import { type Config, readConfig } from '../config.ts'
import { embeddedReferenceTables } from '../embeddedCitizens.ts'
import { inboxPath } from '../warehouse/ingest/ingestCitizens.ts'
import { createCitizens } from '../warehouse/sample/createCitizens.ts'
import { killRunAt } from './killedRun.ts'
import { clear, demoEnvironment, type Stage, stopped, withServer } from './stage.ts'

const DATES = ['2026-11-18', '2026-11-19', '2026-11-20'] as const
const CITIZENS = 20_000
/** Of the transforms, this one is made in the middle. */
const KILLED_AFTER = 'agg_population'
const MOST_ROWS = 10_000
/** What a user may have set for a warehouse of their own. */
const UNSET = {
  MILLRACE_WAREHOUSE_URL: '',
  MILLRACE_ENGINE_URL: '',
  MILLRACE_CITIZENS_URL: '',
  MILLRACE_CITIZENS_TABLES: '',
  MILLRACE_TRANSFORMS_DIR: '',
  MILLRACE_WAREHOUSE_SCHEDULE: '',
}

/** Three days of citizens become result tables; the run of the second is killed and run again. */
export async function demonstrateWarehouse(stage: Stage): Promise<void> {
  const { say, exitAtEnd } = stage
  const embedded = demoEnvironment(stage, 'demo-warehouse', UNSET)
  const tables = join(readConfig(embedded).dataDir, 'tables.duckdb')
  // With a source of its own, nothing waits for the sample of loans to be made.
  const environment = { ...embedded, MILLRACE_SOURCE_URL: `duckdb:${tables}` }
  const config = readConfig(environment)
  say('Millrace demo: a daily file becomes result tables, each date wholly or not at all.\n')
  clear(config)
  await (await embeddedReferenceTables({ file: tables })).close()
  await makeDays(stage, config)
  await runOnce(stage, config, DATES[0])
  await killSecond(stage, config, environment)

  await withServer(stage, config, async (client, url) => {
    await showRuns(stage, client, 'The runs, after the kill')
    for (const date of DATES.slice(1)) await run(stage, client, date)
    await run(stage, client, DATES[2])
    await showRuns(stage, client, 'The runs')
    await showTables(stage, client)
    await showHistory(stage, client)
    if (!exitAtEnd) {
      showWhatNext(stage, url)
      await stopped(stage)
    }
  })
}

async function makeDays({ say, terminal: { signal } }: Stage, { dataDir }: Config): Promise<void> {
  say('The days, as somebody else leaves them:')
  for (const date of DATES) {
    const file = join(dataDir, 'citizens', inboxPath(date))
    const bytes = await createCitizens({ file, date, rows: CITIZENS, signal })
    say(`  ${inboxPath(date)}  ${formatCount(CITIZENS)} citizens, ${formatBytes(bytes)}`)
  }
}

async function runOnce(stage: Stage, config: Config, date: string): Promise<void> {
  await withServer(stage, config, async client => {
    stage.say('\nThe first day:')
    await run(stage, client, date)
  })
}

async function killSecond(stage: Stage, { dataDir }: Config, environment: ReturnType<typeof demoEnvironment>) {
  const date = DATES[1]
  const made = join(dataDir, 'storage/warehouse/citizens', `dt=${date}`, `${KILLED_AFTER}.json`)
  stage.say(`\nThe second day, in a process that is killed with -9 when ${KILLED_AFTER} is made.`)
  await killRunAt(date, made, environment, stage.terminal.signal)
}

async function run({ say, terminal: { signal, stderr } }: Stage, client: Client, date: string): Promise<void> {
  const { runWarehouse } = await client.request(RunWarehouseDocument, { date })
  const display = createProgressDisplay(date, stderr)
  const { message } = await followJob(client, present(runWarehouse).id, { display, signal })
  say(`  ${message ?? ''}`)
}

async function showRuns({ say, terminal: { signal } }: Stage, client: Client, title: string): Promise<void> {
  const { warehouseRuns } = await client.request(WarehouseRunsDocument, { first: DATES.length }, { signal })
  const rows = present(warehouseRuns).map(({ date, state, attempts, steps }) => {
    const reused = steps.filter(({ message }) => message === 'It was made by an earlier attempt.').length
    const done = steps.filter(step => step.state === 'SUCCEEDED').length
    return [date, state, attempts, `${done} of ${steps.length}`, reused]
  })
  say(`\n${title}:\n${formatTable(['DATE', 'STATE', 'ATTEMPTS', 'STEPS DONE', 'TAKEN FROM BEFORE'], rows)}\n`)
}

async function showTables({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const { warehouseTables } = await client.request(WarehouseTablesDocument, {}, { signal })
  const rows = present(warehouseTables).map(({ name, rows, latestDate }) => [name, rows, latestDate ?? ''])
  say(`The tables:\n${formatTable(['TABLE', 'ROWS', 'LATEST'], rows)}`)
  for (const table of ['agg_income', 'agg_marital']) {
    say(`\n${table}, latest date:\n${formatRows(await rowsOf(client, table, null, signal))}`)
  }
  for (const date of DATES) {
    say(`\nsnapshot_changes of ${date}:\n${formatRows(await rowsOf(client, 'snapshot_changes', date, signal))}`)
  }
}

/** A citizen of whom something has changed in these days. */
async function showHistory({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const versions = await rowsOf(client, 'dim_citizen', null, signal)
  const changed = versions.find(({ valid_to, citizen_id }) => {
    return valid_to !== null && versions.some(other => other.citizen_id === citizen_id && other.is_current === true)
  })
  const own = versions.filter(({ citizen_id }) => citizen_id === changed?.citizen_id)
  const columns = ['citizen_id', 'full_name', 'marital_status', 'city', 'occupation', 'valid_from', 'valid_to']
  const history = own.map(row => Object.fromEntries(columns.map(column => [column, row[column]])))
  say(`\nThe history of one citizen, from dim_citizen:\n${formatRows(history)}`)
}

async function rowsOf(client: Client, table: string, date: string | null, signal: AbortSignal) {
  const { warehouseRows } = await client.request(WarehouseRowsDocument, { table, date, first: MOST_ROWS }, { signal })
  return present(warehouseRows)
}

function showWhatNext({ say }: Stage, url: string): void {
  say(`
Try next, while this server runs:

  GraphiQL in a browser: ${url}/graphql

  npm run -s millrace -- warehouse runs --url ${url}
  npm run -s millrace -- warehouse plan 2026-11-21 --url ${url}
  npm run -s millrace -- warehouse run 2026-11-21 --url ${url}
  npm run -s millrace -- warehouse rows dim_citizen -n 5 --url ${url}`)
}
