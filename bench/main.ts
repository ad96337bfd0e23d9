import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Cluster, startCluster } from '../harness/cluster.ts'
import { loadSampleInto } from '../src/loans/sample/loadSample.ts'
import { files } from './files.ts'
import { loansFaults } from './loansFaults.ts'
import { loansGrowth } from './loansGrowth.ts'
import { loansPeers } from './loansPeers.ts'
import { loansSpark } from './loansSpark.ts'
import { overhead } from './overhead.ts'
import { profiles } from './profiles.ts'
import { keepResult, writePage } from './results.ts'
import type { Bench, Section } from './section.ts'
import { warehouse } from './warehouse.ts'
import { weather } from './weather.ts'

/** `npm run bench -- [--only <section>,...] [--repeats N]`: measures, keeps the results, and writes RESULTS.md of all that were ever kept. */
const SECTIONS: Section[] = [
  profiles,
  loansPeers,
  loansFaults,
  loansGrowth,
  overhead,
  weather,
  warehouse,
  loansSpark,
  files,
]

const { values } = parseArgs({ options: { repeats: { type: 'string' }, only: { type: 'string' } } })
const names = values.only?.split(',') ?? SECTIONS.map(({ name }) => name)
const unknown = names.filter(name => !SECTIONS.some(section => section.name === name))
if (unknown.length > 0) {
  throw new Error(`expected of ${SECTIONS.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`)
}

const say = (line: string) => void process.stderr.write(`${line}\n`)
const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
let started: Promise<Cluster> | undefined

async function startLoadedCluster(): Promise<Cluster> {
  const cluster = await startCluster({ folder: join(folder, 'cluster'), throwaway: true, progress: say })
  await loadSampleInto(cluster.env.MILLRACE_SOURCE_URL!)
  return cluster
}

try {
  for (const [place, section] of SECTIONS.entries()) {
    if (!names.includes(section.name)) continue
    say(`measuring: ${section.title}`)
    const repeats = Number(values.repeats ?? section.repeats)
    const bench: Bench = { repeats, folder, say, cluster: () => (started ??= startLoadedCluster()) }
    await keepResult(section, place, repeats, await section.measure(bench))
  }
} finally {
  await (await started)?.destroy()
  await rm(folder, { recursive: true, force: true })
}
process.stdout.write(await writePage())
