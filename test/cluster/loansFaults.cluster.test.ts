import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { waitUntil } from '../../harness/wait.ts'
import type { CountyAverage } from '../../src/loans/loans.ts'
import { LOANS_LAYOUT, LOANS_PATH, versionOf } from '../../src/loans/loansFile.ts'
import { PARTITIONS_FOLDER, partitionPath } from '../../src/loans/partitionFile.ts'
import { type ClusterApp, clusterApp } from '../setup/clusterApp.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { COUNTIES, figuresOf, fillLoans, raiseLoans, sourcesOf, trueFigures } from '../setup/wisconsinLoans.ts'

const LOANS = 36_000
/** So that the main file has blocks of several sizes of counties, on all DataNodes. */
const LEAST_BLOCKS = 6
const ANSWER_SECONDS = 10
const MIGRATION_SECONDS = 60
const MOST_ROUNDS = 5

interface Fault {
  fault: string
  strike: (dataNode: string) => Promise<void>
  heal: (dataNode: string) => Promise<void>
}
interface Moment {
  moment: string
  wait: (dataNode: string) => Promise<void>
}
interface Manner {
  manner: string
  /** A server to ask, and to let go of when done. */
  server: () => Promise<ClusterApp>
  ask: (server: ClusterApp) => Promise<Answer[]>
}
interface Answer {
  average: CountyAverage
  seconds: number
}

let cluster: Cluster
let database: MysqlDatabase
/** Runs through all faults; what it remembers of one must not harm the next. */
let running: ClusterApp
const measured: string[] = []

beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql', 'hdfs'] })
  database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
  await fillLoans(database, LOANS)
  running = await openServer()
  expect(await running.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  const created = await running.averages(COUNTIES)
  expect(sourcesOf(created)).toEqual(new Map(COUNTIES.map(county => [county, 'CREATE'])))
  expect(figuresOf(created)).toEqual(await trueFigures(database))
  const { blocks } = await running.storage.blockLocations(LOANS_PATH)
  expect(blocks.length).toBeGreaterThanOrEqual(LEAST_BLOCKS)
})
afterAll(async () => {
  console.log(['The longest answers with one of three DataNodes gone:', ...measured].join('\n  '))
  await running?.close()
  await cluster?.destroy()
})

const faults: Fault[] = [
  { fault: 'killed with -9', strike: name => cluster.kill(name), heal: name => cluster.restart(name) },
  { fault: 'stopped with SIGSTOP', strike: name => cluster.hang(name), heal: name => cluster.resume(name) },
]
const moments: Moment[] = [
  { moment: 'right before', wait: async () => {} },
  { moment: 'and given up by the NameNode before', wait: name => cluster.waitUntilDead(name) },
]
const manners: Manner[] = [
  {
    manner: 'a running server is asked for all counties at once',
    server: async () => running,
    ask: askAtOnce,
  },
  {
    manner: 'a server just started is asked for one county after the other',
    server: openServer,
    ask: async server => {
      const answers: Answer[] = []
      for (const county of COUNTIES) {
        const { result, seconds } = await timed(() => server.averages([county]))
        answers.push({ average: result[0]!, seconds })
      }
      return answers
    },
  },
]

describe.each(faults)('with a DataNode $fault', ({ fault, strike, heal }) => {
  describe.each(moments)('$moment', ({ moment, wait }) => {
    test.each(manners)(
      '$manner: all is right, and only what was lost is made again',
      async ({ manner, server, ask }) => {
        const mainBytes = await readMain()
        const holders = await holdersOfPartitions()
        const struckHost = busiestOf(holders)
        const struck = dataNodeAt(struckHost)
        const expected = new Map(
          [...holders].map(([county, host]) => [county, host === struckHost ? 'RECREATE' : 'REUSE']),
        )
        const asked = await server()
        let made: Map<number, string | undefined> | undefined
        await strike(struck)
        try {
          await wait(struck)
          asked.warnings()
          const answers = await ask(asked)
          const warnings = asked.warnings()
          const again = await askOnceDurable(asked, ask, answers)
          const warningsAgain = asked.warnings()

          const truth = await trueFigures(database)
          const averages = answers.map(({ average }) => average)
          expect(figuresOf(averages)).toEqual(truth)
          expect(sourcesOf(averages), warnings).toEqual(expected)
          expect(figuresOf(again.map(({ average }) => average))).toEqual(truth)
          expect(sourcesOf(again.map(({ average }) => average)), warningsAgain).toEqual(allReused())
          const main = await timed(readMain)
          expect(main.result.equals(mainBytes)).toBe(true)
          measured.push(
            `${fault} ${moment}, ${manner}: recreated ${longest(answers, 'RECREATE')}, reused ${longest(answers, 'REUSE')}, again ${longest(again)}, main file ${main.seconds} s`,
          )
          for (const { average, seconds } of [...answers, ...again]) {
            expect(seconds, `county ${average.countyCode}`).toBeLessThan(ANSWER_SECONDS)
          }
          expect(main.seconds).toBeLessThan(ANSWER_SECONDS)
          made = await versionsOfPartitions()
        } finally {
          await heal(struck)
          await cluster.waitForLiveDataNodes(3)
        }
        const afterwards = await asked.averages(COUNTIES)
        expect(figuresOf(afterwards)).toEqual(await trueFigures(database))
        expect(sourcesOf(afterwards), asked.warnings()).toEqual(allReused())
        // What the DataNode still had of old partitions has replaced none of the new ones.
        expect(await versionsOfPartitions()).toEqual(made)
        if (asked !== running) await asked.close()
      },
    )
  })

  test('a migration succeeds, and every average is made again with the new figures', async () => {
    const before = await trueFigures(database)
    await raiseLoans(database, 1_000)
    const truth = await trueFigures(database)
    expect(truth).not.toEqual(before)
    const struck = dataNodeAt(busiestOf(await holdersOfPartitions()))
    await strike(struck)
    try {
      const migration = await timed(() => running.migrate())
      expect(migration.result).toMatchObject({ state: 'SUCCEEDED' })
      const all = await timed(() => running.averages(COUNTIES))
      measured.push(`${fault}, migration ${migration.seconds} s, then all averages ${all.seconds} s`)
      expect(figuresOf(all.result)).toEqual(truth)
      expect(sourcesOf(all.result)).toEqual(new Map(COUNTIES.map(county => [county, 'RECREATE'])))
      expect(migration.seconds).toBeLessThan(MIGRATION_SECONDS)
      expect(all.seconds).toBeLessThan(ANSWER_SECONDS)
    } finally {
      await heal(struck)
      await cluster.waitForLiveDataNodes(3)
    }
    const again = await askOnceDurable(running, askAtOnce, await askAtOnce(running))
    const afterwards = again.map(({ average }) => average)
    expect(figuresOf(afterwards)).toEqual(truth)
    expect(sourcesOf(afterwards), running.warnings()).toEqual(allReused())
  })
})

function openServer(): Promise<ClusterApp> {
  return clusterApp({ sourceUrl: database.url, storageUrl: cluster.env.MILLRACE_STORAGE_URL! })
}

async function askAtOnce(server: ClusterApp): Promise<Answer[]> {
  const { result, seconds } = await timed(() => server.averages(COUNTIES))
  return result.map(average => ({ average, seconds }))
}

/** The host of each partition's only replica, once every DataNode has told the NameNode what it has. */
async function holdersOfPartitions(): Promise<Map<number, string>> {
  const holders = new Map<number, string>()
  await waitUntil({ description: 'one replica of every partition', timeoutMillis: 30_000 }, async () => {
    for (const county of COUNTIES) {
      const { blocks } = await running.storage.blockLocations(partitionPath(county))
      const hosts = blocks.flatMap(({ dataNodes }) => dataNodes)
      if (hosts.length !== 1) return false
      holders.set(county, hosts[0]!)
    }
    return true
  })
  return holders
}

/**
 * What is answered after all partitions stand: with a slow storage an answer comes before, and its warning says so. HDFS writes many partitions at once
 * slowly while a DataNode hangs, because it sends every third one there.
 */
async function askOnceDurable(server: ClusterApp, ask: Manner['ask'], answers: Answer[]): Promise<Answer[]> {
  for (let rounds = 0; answers.some(({ average }) => average.warning !== null); rounds++) {
    expect(rounds, server.warnings()).toBeLessThan(MOST_ROUNDS)
    answers = await ask(server)
  }
  server.warnings()
  return await ask(server)
}

/** Without temporaries: a DataNode that hung goes on with writes that were given up, and begins files that nobody will ever rename. */
async function versionsOfPartitions(): Promise<Map<number, string | undefined>> {
  const files = new Map((await running.storage.list(PARTITIONS_FOLDER)).map(status => [status.path, versionOf(status)]))
  return new Map(COUNTIES.map(county => [county, files.get(partitionPath(county))]))
}

function busiestOf(holders: ReadonlyMap<number, string>): string {
  const byHost = Map.groupBy(holders.values(), host => host)
  return [...byHost].sort(([, left], [, right]) => right.length - left.length)[0]![0]
}

/** The harness gives "datanode-1" the host name 127.0.0.11, and so on. */
function dataNodeAt(host: string): string {
  return `datanode-${Number(host.split('.').at(-1)) - 10}`
}

/** All bytes of the main file, which has the blocks that its length asks for. */
async function readMain(): Promise<Buffer> {
  const { length } = await running.storage.stat(LOANS_PATH)
  const { blocks } = await running.storage.blockLocations(LOANS_PATH)
  expect(blocks).toHaveLength(Math.ceil(length / LOANS_LAYOUT.blockBytes))
  expect(blocks.filter(({ dataNodes }) => dataNodes.length === 0)).toEqual([])
  return Buffer.from(await running.storage.read(LOANS_PATH, { offset: 0, length }))
}

function allReused(): Map<number, string> {
  return new Map(COUNTIES.map(county => [county, 'REUSE']))
}

function longest(answers: readonly Answer[], source?: string): string {
  const chosen = answers.filter(({ average }) => source === undefined || average.source === source)
  return `${Math.max(...chosen.map(({ seconds }) => seconds))} s (${chosen.length})`
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const startedAt = performance.now()
  const result = await work()
  return { result, seconds: Math.round(performance.now() - startedAt) / 1000 }
}
