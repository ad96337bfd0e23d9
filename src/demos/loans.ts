import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../client/client.ts'
import {
  AverageLoanDocument,
  type AverageLoanQuery,
  BlockLocationsDocument,
  CountiesDocument,
  MigrateLoansDocument,
} from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { followJob } from '../commands/followJob.ts'
import { createProgressDisplay } from '../commands/progressDisplay.ts'
import { showSampleProgress } from '../commands/sampleProgress.ts'
import { formatRuledTable } from '../commands/table.ts'
import { formatBytes, formatCount, formatMillis } from '../commands/words.ts'
import type { Config } from '../config.ts'
import { claimDataDirectory } from '../dataDirectory.ts'
import { MillraceError } from '../errors.ts'
import { createSample } from '../loans/sample/createSample.ts'
import { demoConfig, type Stage, stopped, withServer } from './stage.ts'

/** The whole main job on the embedded profile, from nothing to averages; then the server stays, unless --exit is given. */
const file = '/hdma-wi-2021.parquet'
const countyCodes = [55001, 55003, 55027, 55059, 55133]

export async function demonstrateLoans(stage: Stage): Promise<void> {
  const { say, exitAtEnd } = stage
  const config = demoConfig(stage, 'demo')
  say('Millrace demo: a table becomes a Parquet file, and questions to it get answers.\n')
  await prepare(stage, config)
  await withServer(stage, config, async (client, url) => {
    await migrate(stage, client)
    await showBlocks(stage, client)
    await showAverages(stage, client)
    showWhatNext(stage, url)
    if (!exitAtEnd) await stopped(stage)
  })
}

/** The sample stays from one run to the next; storage and history start empty, so that each run shows create, then reuse. */
async function prepare({ terminal }: Stage, { dataDir, source, storage }: Config): Promise<void> {
  const directory = claimDataDirectory(dataDir)
  try {
    if (storage.kind === 'directory') rmSync(storage.folder, { recursive: true, force: true })
    for (const suffix of ['', '-wal', '-journal']) rmSync(join(dataDir, `jobs.sqlite${suffix}`), { force: true })
    if (source.kind !== 'duckdb' || existsSync(source.file)) return
    const display = createProgressDisplay('sample', terminal.stderr)
    await createSample({ file: source.file, onProgress: showSampleProgress(display), signal: terminal.signal })
    display.stop()
  } finally {
    directory.release()
  }
}

async function migrate({ say, terminal: { stderr, signal } }: Stage, client: Client): Promise<void> {
  const { migrateLoans } = await client.request(MigrateLoansDocument, { wait: false })
  const display = createProgressDisplay('migrate', stderr)
  const { message } = await followJob(client, present(migrateLoans).id, { display, signal })
  say(`\n${(message ?? '').replace(/(.{1,80})(?: |$)/g, '$1\n').trimEnd()}`)
}

async function showBlocks({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const reply = await client.request(BlockLocationsDocument, { path: file }, { signal })
  const { length, blockSize, blocks, dataNodes } = present(reply.blockLocations)
  say(`\n${file}: ${formatCount(length)} bytes in ${blocks.length} blocks of ${formatCount(blockSize)}.`)
  for (const { dataNode, blocks } of dataNodes) say(`  ${dataNode} holds ${blocks}.`)
}

type Average = NonNullable<AverageLoanQuery['averageLoan']>

async function showAverages({ say, terminal: { signal } }: Stage, client: Client): Promise<void> {
  const { counties } = await client.request(CountiesDocument, {}, { signal })
  const names = new Map(present(counties).map(({ code, name }) => [code, name]))
  const first = await averagesOneByOne(client, signal)
  const second = await averagesOneByOne(client, signal)

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
async function averagesOneByOne(client: Client, signal: AbortSignal): Promise<Average[]> {
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

function showWhatNext({ say }: Stage, url: string): void {
  const query = '{"query":"{ averageLoan(countyCode: 55025) { averageLoan source } }"}'
  say(`
Try next, while this server runs:

  GraphiQL in a browser: ${url}/graphql

  curl -s ${url}/graphql -H 'content-type: application/json' \\
    -d '${query}'

  npm run -s millrace -- CalcAvgLoan -c 55025 --url ${url}
  npm run -s millrace -- counties --averages --url ${url}`)
}
