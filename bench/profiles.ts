import { join } from 'node:path'
import { createSample } from '../src/loans/sample/createSample.ts'
import { type LoansRun, runLoans } from './loans.ts'
import type { Bench, Section } from './section.ts'
import { median, quantile } from './statistics.ts'

/** The main job on both profiles. */
export const profiles: Section = {
  name: 'loans',
  title: 'Loans, embedded and on the cluster',
  repeats: 3,
  async measure(bench) {
    const file = join(bench.folder, 'source.duckdb')
    await createSample({ file })
    const embedded = await repeated(bench, { MILLRACE_SOURCE_URL: `duckdb:${file}` })
    const cluster = await repeated(bench, (await bench.cluster()).env)
    const row = (what: string, bound: string, figure: (runs: LoansRun[]) => string) => [
      what,
      bound,
      figure(embedded),
      figure(cluster),
    ]
    return {
      text: `The sample's 426,716 loans of 100 columns; \`embedded\` is a DuckDB file and a directory, \`cluster\` is MariaDB 10.11 and HDFS 3.4.2 (a
NameNode, three DataNodes) of the harness. Each run has a new server process.`,
      heads: ['what', 'bound', 'embedded', 'cluster'],
      rows: [
        row('migrateLoans, seconds', '', runs => middle(runs, run => run.migrateSeconds)),
        row('`{ __typename }` while it runs, p50 ms', '', runs => typename(runs, 0.5)),
        row('`{ __typename }` while it runs, p99 ms', '< 100', runs => typename(runs, 0.99)),
        row('`{ __typename }` while it runs, longest ms', '', runs => typename(runs, 1)),
        row('questions asked meanwhile', '', runs => String(runs.flatMap(run => run.typenameMillis).length)),
        row('server process, peak resident MB', '< 500', runs =>
          Math.max(...runs.map(run => run.peakResidentMb)).toFixed(0),
        ),
        row('one county, first time (CREATE), ms', '', runs => middle(runs, run => run.createMillis)),
        row('one county again (REUSE), p50 ms', '', runs => middle(runs, run => median(run.reuseMillis))),
        row('72 counties, 71 of them uncached, ms', '< 2000', runs => middle(runs, run => run.createAllMillis, 0)),
        row('72 counties again, p50 ms', '< 300', runs => middle(runs, run => median(run.reuseAllMillis), 0)),
      ],
    }
  },
}

async function repeated(bench: Bench, environment: Readonly<Record<string, string>>): Promise<LoansRun[]> {
  const runs: LoansRun[] = []
  for (let run = 0; run < bench.repeats; run++) runs.push(await runLoans(environment))
  return runs
}

function middle(runs: LoansRun[], pick: (run: LoansRun) => number, digits = 1): string {
  return median(runs.map(pick)).toFixed(digits)
}

function typename(runs: LoansRun[], share: number): string {
  const millis = runs.flatMap(run => run.typenameMillis)
  return quantile(millis, share).toFixed(1)
}
