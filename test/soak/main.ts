import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../../harness/cluster.ts'
import { formatTable } from '../../src/commands/table.ts'
import { runSoak, type SoakResult } from './soak.ts'

/** `npm run soak -- [--minutes 30] [--seed N]`: see soak.ts. The exit code says whether all was well. */
const QUESTIONS_A_SECOND = 50
const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = positive('--minutes', values.minutes ?? '30')
const seed = positive('--seed', values.seed ?? String(1 + Math.floor(Math.random() * 2 ** 31)))
const say = (line: string) => void process.stderr.write(`${line}\n`)

say(`soak: ${minutes} minutes, seed ${seed} (again with: npm run soak -- --minutes ${minutes} --seed ${seed})`)
const folder = await mkdtemp(join(tmpdir(), 'millrace-soak-'))
const cluster = await startCluster({
  folder,
  throwaway: true,
  services: ['mysql', 'hdfs'],
  hdfs: { recheckMillis: 1_000 },
  progress: say,
})
try {
  const result = await runSoak({ cluster, seconds: minutes * 60, questionsASecond: QUESTIONS_A_SECOND, seed, say })
  process.stdout.write(`${summary(result)}\n`)
  process.exitCode = result.problems.length > 0 ? 1 : 0
} finally {
  await cluster.destroy()
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`expected a number above 0 after ${name}, got ${JSON.stringify(text)}`)
}

function summary({ rows, events, memory, growthMb, problems }: SoakResult): string {
  const lines = rows.map(row => [
    row.kind,
    row.asked,
    row.ended,
    ...[row.medianSeconds, row.p99Seconds, row.longestSeconds].map(seconds => Math.round(seconds * 1000) / 1000),
  ])
  const megabytes = memory.map(sample => sample.megabytes)
  return [
    formatTable(['question', 'asked', 'ended', 'p50 s', 'p99 s', 'longest s'], lines),
    `DataNodes were struck ${events.filter(event => !event.endsWith(' back')).length} times.`,
    `Resident memory: ${megabytes[0]?.toFixed(0)} MB at first, ${megabytes.at(-1)?.toFixed(0)} MB at last, ${Math.max(...megabytes).toFixed(0)} MB at most; ${
      growthMb === undefined
        ? 'too short a run to tell whether it grows'
        : `grown by ${growthMb.toFixed(0)} MB since the warm-up`
    }.`,
    problems.length === 0 ? 'No problem.' : `Problems:\n${problems.map(problem => `- ${problem}`).join('\n')}`,
  ].join('\n')
}
