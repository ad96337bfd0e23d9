import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type App, createApp } from './app.ts'
import { type Client, createClient } from './client/client.ts'
import {
  AverageLoanDocument,
  type AverageLoanQuery,
  BlockLocationsDocument,
  CountiesDocument,
  MigrateLoansDocument,
} from './client/generated/graphql.ts'
import { present } from './client/reply.ts'
import { followJob } from './commands/followJob.ts'
import { createProgressDisplay } from './commands/progressDisplay.ts'
import { showSampleProgress } from './commands/sampleProgress.ts'
import { formatRuledTable } from './commands/table.ts'
import { processTerminal, StoppedBySignal } from './commands/terminal.ts'
import { formatBytes, formatCount, formatMillis } from './commands/words.ts'
import { type Config, readConfig, withDotEnv } from './config.ts'
import { claimDataDirectory } from './dataDirectory.ts'
import { hasCode, MillraceError } from './errors.ts'
import { createSample } from './loans/sample/createSample.ts'

/** The whole main job on the embedded profile, from nothing to averages; then the server stays, unless --exit is given. */
const file = '/hdma-wi-2021.parquet'
const countyCodes = [55001, 55003, 55027, 55059, 55133]

const terminal = processTerminal()
const { signal, stderr } = terminal
const exitAtEnd = process.argv.includes('--exit')

try {
  await demonstrate()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

async function demonstrate(): Promise<void> {
  const config = demoConfig()
  say('Millrace demo: a table becomes a Parquet file, and questions to it get answers.\n')
  await prepare(config)
  const { app, url } = await listen(config)
  const client = createClient(url)
  try {
    await migrate(client)
    await showBlocks(client)
    await showAverages(client)
    showWhatNext(url)
    if (!exitAtEnd) await stopped()
  } finally {
    await client.close()
    await app.close()
  }
}

/** Embedded, whatever source and storage the environment names: a demo touches nobody's data. */
function demoConfig(): Config {
  const environment = withDotEnv(terminal.environment, terminal.folder)
  const folder = join(environment.MILLRACE_DATA_DIR || 'data', 'demo')
  const logLevel = environment.MILLRACE_LOG_LEVEL || 'warn'
  const embedded = { MILLRACE_SOURCE_URL: '', MILLRACE_STORAGE_URL: '' }
  return readConfig({ ...environment, ...embedded, MILLRACE_DATA_DIR: folder, MILLRACE_LOG_LEVEL: logLevel })
}

/** The sample stays from one run to the next; storage and history start empty, so that each run shows create, then reuse. */
async function prepare({ dataDir, source, storage }: Config): Promise<void> {
  const directory = claimDataDirectory(dataDir)
  try {
    if (storage.kind === 'directory') rmSync(storage.folder, { recursive: true, force: true })
    for (const suffix of ['', '-wal', '-journal']) rmSync(join(dataDir, `jobs.sqlite${suffix}`), { force: true })
    if (source.kind !== 'duckdb' || existsSync(source.file)) return
    const display = createProgressDisplay('sample', stderr)
    await createSample({ file: source.file, onProgress: showSampleProgress(display), signal })
    display.stop()
  } finally {
    directory.release()
  }
}

async function listen(config: Config): Promise<{ app: App; url: string }> {
  const app = await createApp(config)
  try {
    const { url } = await app.listen()
    return { app, url }
  } catch (error) {
    await app.close()
    if (!hasCode(error, 'CONFLICT') || config.port === 0) throw error
    say(`Port ${config.port} is taken, so the server listens on a free one.`)
    return listen({ ...config, port: 0 })
  }
}

async function migrate(client: Client): Promise<void> {
  const { migrateLoans } = await client.request(MigrateLoansDocument, { wait: false })
  const display = createProgressDisplay('migrate', stderr)
  const { message } = await followJob(client, present(migrateLoans).id, { display, signal })
  say(`\n${(message ?? '').replace(/(.{1,80})(?: |$)/g, '$1\n').trimEnd()}`)
}

async function showBlocks(client: Client): Promise<void> {
  const reply = await client.request(BlockLocationsDocument, { path: file }, { signal })
  const { length, blockSize, blocks, dataNodes } = present(reply.blockLocations)
  say(`\n${file}: ${formatCount(length)} bytes in ${blocks.length} blocks of ${formatCount(blockSize)}.`)
  for (const { dataNode, blocks } of dataNodes) say(`  ${dataNode} holds ${blocks}.`)
}

type Average = NonNullable<AverageLoanQuery['averageLoan']>

async function showAverages(client: Client): Promise<void> {
  const { counties } = await client.request(CountiesDocument, {}, { signal })
  const names = new Map(present(counties).map(({ code, name }) => [code, name]))
  const first = await averagesOneByOne(client)
  const second = await averagesOneByOne(client)

  const rows = first.map((average, index) => {
    const again = second[index]!
    if (again.averageLoan !== average.averageLoan || again.loans !== average.loans) {
      throw new MillraceError('INTERNAL', `Expected the same average of ${average.countyCode} twice, but got another.`)
    }
    return [
      `${average.countyCode} ${names.get(average.countyCode)?.replace(/ County$/, '')}`,
      `$${formatCount(average.averageLoan)}`,
      formatCount(average.loans),
      describeCost(average),
      describeCost(again),
    ]
  })
  const heads = ['county', 'average', 'loans', 'first time', 'second time']
  say(`\nAverage loans:\n${formatRuledTable(heads, rows, ['left', 'right', 'right'])}`)
}

/** One after the other, so that each shows its own cost. */
async function averagesOneByOne(client: Client): Promise<Average[]> {
  const averages: Average[] = []
  for (const countyCode of countyCodes) {
    const { averageLoan } = await client.request(AverageLoanDocument, { countyCode }, { signal })
    averages.push(present(averageLoan))
  }
  return averages
}

function describeCost({ source, cost: { elapsedMillis, bytesRead } }: Average): string {
  return `${source.toLowerCase().padEnd(6)} ${formatMillis(elapsedMillis).padStart(7)} ${formatBytes(bytesRead).padStart(7)}`
}

function showWhatNext(url: string): void {
  const query = '{"query":"{ averageLoan(countyCode: 55025) { averageLoan source } }"}'
  say(`
Try next, while this server runs:

  GraphiQL in a browser: ${url}/graphql

  curl -s ${url}/graphql -H 'content-type: application/json' \\
    -d '${query}'

  npm run -s millrace -- CalcAvgLoan -c 55025 --url ${url}
  npm run -s millrace -- counties --averages --url ${url}`)
}

async function stopped(): Promise<void> {
  say('\nCtrl-C stops it.')
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StoppedBySignal) return error.exitCode
  if (!(error instanceof MillraceError)) throw error
  say(`error: ${error.message}`)
  if (error.hint) stderr.write(`hint: ${error.hint}\n`)
  return 1
}

function say(text: string): void {
  terminal.stdout.write(`${text}\n`)
}
