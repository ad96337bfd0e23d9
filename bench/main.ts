import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../harness/cluster.ts'
import { createSample } from '../src/loans/sample/createSample.ts'
import { loadSampleInto } from '../src/loans/sample/loadSample.ts'
import { type LoansRun, runLoans } from './loans.ts'
import { median, quantile } from './statistics.ts'

/** `npm run bench -- [--repeats N] [--only embedded|cluster]`: measures, and writes bench/RESULTS.md. */
const { values } = parseArgs({ options: { repeats: { type: 'string', default: '3' }, only: { type: 'string' } } })
const repeats = Number(values.repeats)
const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const measured = new Map<string, LoansRun[]>()
try {
  if (values.only !== 'cluster') {
    const file = join(folder, 'source.duckdb')
    await createSample({ file })
    measured.set('embedded', await measure({ MILLRACE_SOURCE_URL: `duckdb:${file}` }))
  }
  if (values.only !== 'embedded') {
    const cluster = await startCluster({ folder: join(folder, 'cluster'), throwaway: true })
    try {
      await loadSampleInto(cluster.env.MILLRACE_SOURCE_URL!)
      measured.set('cluster', await measure({ ...cluster.env }))
    } finally {
      await cluster.destroy()
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
const results = report(measured)
await writeFile(new URL('RESULTS.md', import.meta.url), results)
process.stdout.write(results)

async function measure(environment: Record<string, string>): Promise<LoansRun[]> {
  const runs: LoansRun[] = []
  for (let run = 0; run < repeats; run++) runs.push(await runLoans(environment))
  return runs
}

function report(runsByProfile: ReadonlyMap<string, LoansRun[]>): string {
  const profiles = [...runsByProfile.keys()]
  const row = (what: string, bound: string, figure: (runs: LoansRun[]) => string) =>
    `| ${what} | ${bound} | ${profiles.map(profile => figure(runsByProfile.get(profile)!)).join(' | ')} |`
  const middle =
    (pick: (run: LoansRun) => number, digits = 1) =>
    (runs: LoansRun[]) =>
      median(runs.map(pick)).toFixed(digits)
  const typename = (share: number) => (runs: LoansRun[]) =>
    quantile(
      runs.flatMap(run => run.typenameMillis),
      share,
    ).toFixed(1)
  return `# Measured

Made by \`npm run bench -- --repeats ${repeats}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}),
${(totalmem() / 1e9).toFixed(0)} GB, Node ${process.versions.node}; client, server, database and HDFS on that one machine. Medians of ${repeats} runs, each with a new server
process. Such machines are noisy: compare figures of one run only.

The sample's 426,716 loans of 100 columns; \`embedded\` is a DuckDB file and a directory, \`cluster\` is MariaDB 10.11 and HDFS 3.4.2
(a NameNode, three DataNodes) from the harness.

| what | bound | ${profiles.join(' | ')} |
|---|---|${profiles.map(() => '---').join('|')}|
${[
  row(
    'migrateLoans, seconds',
    '',
    middle(run => run.migrateSeconds),
  ),
  row('`{ __typename }` while it runs, p50 ms', '', typename(0.5)),
  row('`{ __typename }` while it runs, p99 ms', '< 100', typename(0.99)),
  row('`{ __typename }` while it runs, longest ms', '', typename(1)),
  row('questions asked meanwhile', '', runs => String(runs.flatMap(run => run.typenameMillis).length)),
  row('server process, peak resident MB', '< 600', runs => Math.max(...runs.map(run => run.peakResidentMb)).toFixed(0)),
  row(
    'one county, first time (CREATE), ms',
    '',
    middle(run => run.createMillis),
  ),
  row(
    'one county again (REUSE), p50 ms',
    '',
    middle(run => median(run.reuseMillis)),
  ),
  row(
    '72 counties, 71 of them uncached, ms',
    '',
    middle(run => run.createAllMillis, 0),
  ),
  row(
    '72 counties again, p50 ms',
    '',
    middle(run => median(run.reuseAllMillis), 0),
  ),
].join('\n')}
`
}
