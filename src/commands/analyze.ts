import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { type Analysis, analysisOf } from '../analyzer/analysis.ts'
import { commandOutage } from '../analyzer/commandOutage.ts'
import { type Measurement, measureAverages } from '../analyzer/measure.ts'
import { openResults, type ResultFiles, toCsv } from '../analyzer/results.ts'
import type { Client } from '../client/client.ts'
import { CountiesDocument, SystemsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand, listOf, optional, text, wholeNumber, withDefault } from './command.ts'
import type { ProgressDisplay } from './progressDisplay.ts'
import { formatRuledTable } from './table.ts'

/** Those of the original analyzer. */
const DEFAULT_COUNTIES = '55001,55003,55027,55059,55133'
const MOST_REPEATS = 1000

export const analyze = defineCommand({
  name: 'analyze',
  summary: 'measure create and reuse of averages, and draw them',
  inputs: {
    counties: withDefault('--counties <codes>', 'whose partitions are removed', listOf(wholeNumber), DEFAULT_COUNTIES),
    repeats: withDefault('--repeats <count>', 'how often each county is measured', repeatCount, '5'),
    out: withDefault('--out <folder>', 'where the CSV file and the pictures go', text, 'outputs'),
    kill: optional('--kill <names>', 'DataNodes to kill in turn: measures recreate too', listOf(text)),
    killCommand: withDefault(
      '--kill-command <command>',
      'kills the one named after it',
      text,
      'npm run -s cluster -- kill',
    ),
    restoreCommand: withDefault(
      '--restore-command <command>',
      'starts it again',
      text,
      'npm run -s cluster -- restart',
    ),
  },
  async run({ connect, progress, terminal }, { counties, repeats, out, kill, killCommand, restoreCommand }) {
    const { folder, environment, signal, stderr } = terminal
    const results = await openResults(resolve(folder, out))
    const client = await connect()
    const setting = await describeStorage(client, signal)
    const commands = { kill: killCommand, restore: restoreCommand, folder, environment }
    const outages = (kill ?? []).map(name => commandOutage(name, commands))
    const display = progress('analyze')
    let measurements: Measurement[]
    try {
      const onProgress = showQuestions(display)
      measurements = await measureAverages(client, { counties, repeats, outages, signal, onProgress })
    } finally {
      display.stop()
    }
    const analysis = analysisOf(measurements)
    if (kill && !analysis.operations.some(({ operation }) => operation === 'recreate')) {
      stderr.write(`warning: No partition was lost with ${kill.join(', ')}, so no recreate was measured.\n`)
    }
    const { drawSvg, toPng } = await import('../analyzer/draw.ts') // here, because no other command should wait for its loading
    const svg = await drawSvg({ analysis, countyNames: await countyNames(client, signal), setting })
    const files = await results.write({ csv: toCsv(measurements), svg, png: toPng(svg) })
    return { ...analysis, files }
  },
  show: result => `${table(result)}\n\n${speedUpText(result)}\n\n${fileList(result.files)}`,
})

function repeatCount(value: string): number {
  const count = Number(value)
  if (Number.isInteger(count) && count >= 1 && count <= MOST_REPEATS) return count
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST_REPEATS}.`)
}

async function countyNames(client: Client, signal: AbortSignal): Promise<Map<number, string>> {
  const { counties } = await client.request(CountiesDocument, {}, { signal })
  return new Map(present(counties).map(({ code, name }) => [code, name]))
}

async function describeStorage(client: Client, signal: AbortSignal): Promise<string> {
  const { systems } = await client.request(SystemsDocument, {}, { signal })
  const kind = systems.find(({ role }) => role === 'STORAGE')?.kind
  return `Storage: ${kind === 'webhdfs' ? 'HDFS through WebHDFS' : 'a local directory'}`
}

function showQuestions(display: ProgressDisplay): (done: number, total: number) => void {
  const startedAt = performance.now()
  return (done, total) => {
    const etaSeconds = ((performance.now() - startedAt) / 1_000 / done) * (total - done)
    display.update({ done, total, unit: 'questions', bytes: 0, etaSeconds }, null)
  }
}

function table({ operations }: Analysis): string {
  const rows = operations.map(({ operation, n, mean, median, p10, p90, min, max, standardDeviation }) => [
    operation,
    String(n),
    ...[mean, median, p10, p90, min, max, standardDeviation].map(value => value?.toFixed(1) ?? '-'),
  ])
  const heads = ['operation (ms)', 'n', 'mean', 'median', 'p10', 'p90', 'min', 'max', 'std dev']
  return formatRuledTable(heads, rows, ['left', ...heads.slice(1).map(() => 'right' as const)])
}

function speedUpText({ speedUp }: Analysis): string {
  return `reuse is ${speedUp.toFixed(1)} times faster than create (by their medians)`
}

function fileList({ csv, png, svg }: ResultFiles): string {
  return [csv, png, svg].join('\n')
}
