import type { Cluster } from '../harness/cluster.ts'
import type { Bench, Section } from './section.ts'
import { type BenchServer, startServer } from './server.ts'
import { median, quantile } from './statistics.ts'
import { timed } from './timing.ts'

const ANSWERS = 100
const DATA_NODES = ['datanode-1', 'datanode-2', 'datanode-3']

/** Averages one after the other, from a server that does not know yet, right after a DataNode has gone. */
export const loansFaults: Section = {
  name: 'faults',
  title: 'Averages while a DataNode is gone',
  repeats: 1,
  async measure(bench) {
    const cluster = await bench.cluster()
    const server = await startServer(cluster.env)
    try {
      await server.ask('mutation { migrateLoans { state } }')
      const killed = await measureKilled(bench, cluster, server)
      const hung = await measureHung(bench, cluster, server)
      const row = (what: string, bound: string, millis: number[], share: number) => [
        what,
        String(millis.length),
        bound,
        seconds(median(millis)),
        seconds(quantile(millis, share)),
        seconds(Math.max(...millis)),
      ]
      return {
        text: `Each average is asked for as soon as the one before has come. After a kill -9: those whose only replica was lost, over as many kills as it takes. With a
node stopped (SIGSTOP): all, the one that finds out first among them.`,
        heads: ['what', 'answers', 'bound of p99', 'p50', 'p99', 'longest'],
        rows: [
          row('RECREATE after kill -9', '<= 1.5 s', killed, 0.99),
          row('any average while a node hangs', '<= 5 s', hung.all, 0.99),
          row('once it is known to hang', '<= 0.2 s', hung.known, 0.99),
        ],
      }
    } finally {
      await server.stop()
    }
  },
}

async function measureKilled({ say }: Bench, cluster: Cluster, server: BenchServer): Promise<number[]> {
  const recreated: number[] = []
  for (let round = 0; recreated.length < ANSWERS; round++) {
    const codes = await countiesWithPartitions(server)
    const victim = DATA_NODES[round % DATA_NODES.length]!
    await cluster.kill(victim)
    for (const code of codes) {
      const { source, millis } = await average(server, code)
      if (source === 'RECREATE') recreated.push(millis)
    }
    say(`  ${victim} killed: ${recreated.length} of ${ANSWERS} partitions made again so far`)
    await cluster.restart(victim)
    await cluster.waitForLiveDataNodes(DATA_NODES.length)
  }
  return recreated.slice(0, ANSWERS)
}

/** `known`: those after the first answer that took a second or more was given. */
async function measureHung({ say }: Bench, cluster: Cluster, server: BenchServer) {
  const codes = await countiesWithPartitions(server)
  const all: number[] = []
  await cluster.hang(DATA_NODES[0]!)
  try {
    while (all.length < ANSWERS) {
      const { millis } = await average(server, codes[all.length % codes.length]!)
      all.push(millis)
    }
  } finally {
    await cluster.resume(DATA_NODES[0]!)
  }
  say(`  ${DATA_NODES[0]} hung: ${ANSWERS} averages`)
  return { all, known: all.slice(all.findIndex(millis => millis >= 1000) + 1) }
}

/** Made where they are missing. */
async function countiesWithPartitions(server: BenchServer): Promise<number[]> {
  const { counties } = await server.ask<{ counties: { code: number }[] }>(
    '{ counties { code averageLoan { source } } }',
  )
  return counties.map(({ code }) => code)
}

async function average(server: BenchServer, code: number): Promise<{ source: string; millis: number }> {
  let source = ''
  const millis = await timed(async () => {
    const { averageLoan } = await server.ask<{ averageLoan: { source: string } }>(
      `{ averageLoan(countyCode: ${code}) { averageLoan source } }`,
    )
    source = averageLoan.source
  })
  return { source, millis }
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(2)} s`
}
