import { expect } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import type { FileBlocks } from '../../src/datasources/storage.ts'
import { MillraceError } from '../../src/errors.ts'
import { ANSWER_WITHIN_MILLIS } from '../../src/loans/countyAverages.ts'
import type { AverageSource } from '../../src/loans/loans.ts'
import { LOANS_LAYOUT, LOANS_PATH } from '../../src/loans/loansFile.ts'
import { partitionPath } from '../../src/loans/partitionFile.ts'
import { ANSWER_DEADLINE_MILLIS } from '../../src/systems/createSystems.ts'
import { COUNTIES, type Figures, figuresOf, raiseLoans, sourcesOf, trueFigures } from '../setup/wisconsinLoans.ts'
import type { FaultServer, FaultSite } from './site.ts'

export type OperationName = 'migrate' | 'block locations' | 'create' | 'reuse' | 'recreate' | 'all counties'

/** One question to a server, made ready so that its right answer is known. */
export interface Operation {
  /** Asks, and fails the test where the answer is wrong. A typed error is thrown as it is. */
  run(server: FaultServer): Promise<void>
  /** What is there afterwards, asked of a server that nothing disturbs: fails the test where it is not right. */
  verify(server: FaultServer): Promise<void>
}

export interface OperationKind {
  /** Within which there is an answer or an error, whatever happens. */
  deadlineSeconds(site: FaultSite): number
  /** @param dataNode Where a partition that is to be reused lies. */
  prepare(site: FaultSite, server: FaultServer, dataNode: string): Promise<Operation>
}

/** Amounts grow by this from one migration to the next; few enough migrations that no loan grows out of the filter's range. */
const RAISE = 10
const GARBLED = Buffer.from('PAR1 this is no Parquet file PAR1')
const AVERAGE_SECONDS = ANSWER_WITHIN_MILLIS / 1000

export const OPERATIONS: Record<OperationName, OperationKind> = {
  migrate: { deadlineSeconds: site => site.migrationSeconds, prepare: prepareMigration },
  'block locations': { deadlineSeconds: () => ANSWER_DEADLINE_MILLIS / 1000, prepare: prepareBlockLocations },
  create: { deadlineSeconds: () => AVERAGE_SECONDS, prepare: (...given) => prepareOne('CREATE', ...given) },
  reuse: { deadlineSeconds: () => AVERAGE_SECONDS, prepare: (...given) => prepareOne('REUSE', ...given) },
  recreate: { deadlineSeconds: () => AVERAGE_SECONDS, prepare: (...given) => prepareOne('RECREATE', ...given) },
  'all counties': { deadlineSeconds: () => AVERAGE_SECONDS, prepare: prepareAll },
}

async function prepareMigration(site: FaultSite): Promise<Operation> {
  const before = await trueFigures(site.database)
  await raiseLoans(site.database, RAISE)
  const after = await trueFigures(site.database)
  let migrated = false
  return {
    async run(server) {
      const { state, errorCode, message, hint } = await server.migrate()
      if (state === 'FAILED') throw new MillraceError(errorCode!, message!, hint === null ? {} : { hint })
      expect(state).toBe('SUCCEEDED')
      migrated = true
    },
    async verify(server) {
      const found = figuresOf(await server.averages(COUNTIES))
      // A rename whose answer was lost has happened, whatever became of the job.
      if (migrated) expect(found).toEqual(after)
      else expect([before, after]).toContainEqual(found)
      expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
      expect(figuresOf(await server.averages(COUNTIES))).toEqual(after)
    },
  }
}

async function prepareBlockLocations(site: FaultSite): Promise<Operation> {
  const truth = sorted(await site.storage.blockLocations(LOANS_PATH))
  const ask = async (server: FaultServer) => expect(sorted(await server.blockLocations(LOANS_PATH))).toEqual(truth)
  return { run: ask, verify: ask }
}

/** A NameNode names the DataNodes of a block in another order each time. */
function sorted(file: FileBlocks): FileBlocks {
  return { ...file, blocks: file.blocks.map(block => ({ ...block, dataNodes: block.dataNodes.toSorted() })) }
}

async function prepareOne(
  source: AverageSource,
  site: FaultSite,
  server: FaultServer,
  dataNode: string,
): Promise<Operation> {
  const county = source === 'REUSE' ? await countyOn(site, server, dataNode) : 55078
  const truth = await trueFigures(site.database)
  await prepareCounty(site, county, source)
  return asking(new Map([[county, source]]), truth)
}

/** A third of them each to be created, reused and recreated. */
async function prepareAll(site: FaultSite, server: FaultServer): Promise<Operation> {
  const truth = await trueFigures(site.database)
  await untilReused(server, COUNTIES)
  const kinds: readonly AverageSource[] = ['CREATE', 'REUSE', 'RECREATE']
  const sources = new Map(COUNTIES.map((county, index) => [county, kinds[index % kinds.length]!]))
  await Promise.all([...sources].map(([county, source]) => prepareCounty(site, county, source)))
  return asking(sources, truth)
}

async function prepareCounty({ storage }: FaultSite, county: number, source: AverageSource): Promise<void> {
  const path = partitionPath(county)
  if (source === 'CREATE') await storage.remove(path)
  if (source === 'RECREATE') {
    await createPublisher(storage, 'faults').publish(path, () => [GARBLED], { ...LOANS_LAYOUT, replication: 1 })
  }
}

function asking(sources: ReadonlyMap<number, AverageSource>, truth: Figures): Operation {
  const counties = [...sources.keys()]
  const expected = new Map(counties.map(county => [county, truth.get(county)!]))
  return {
    async run(server) {
      const answers = await server.averages(counties)
      expect(figuresOf(answers)).toEqual(expected)
      for (const [county, source] of sourcesOf(answers)) expect(allowed(sources.get(county)!)).toContain(source)
    },
    async verify(server) {
      const again = await server.averages(counties)
      expect(figuresOf(again)).toEqual(expected)
      await untilReused(server, counties)
    },
  }
}

/** A partition whose DataNode cannot be had is made again. */
function allowed(source: AverageSource): readonly AverageSource[] {
  return source === 'REUSE' ? ['REUSE', 'RECREATE'] : [source]
}

/** A write that an answer did not wait for may take a while. */
async function untilReused(server: FaultServer, counties: readonly number[]): Promise<void> {
  await waitUntil({ description: 'every partition to be reused', timeoutMillis: 60_000 }, async () => {
    const answers = await server.averages(counties)
    return answers.every(({ source, warning }) => source === 'REUSE' && warning === null)
  })
}

/** A county whose partition's only replica lies on the DataNode. Partitions are made again until there is one. */
async function countyOn({ cluster, storage }: FaultSite, server: FaultServer, dataNode: string): Promise<number> {
  const host = cluster.dataNodeHost(dataNode)
  for (let round = 0; round < 20; round += 1) {
    await untilReused(server, COUNTIES)
    for (const county of COUNTIES) {
      const { blocks } = await storage.blockLocations(partitionPath(county))
      if (blocks.every(({ dataNodes }) => dataNodes.length === 1 && dataNodes[0] === host)) return county
    }
    await Promise.all(COUNTIES.map(county => storage.remove(partitionPath(county))))
  }
  throw new Error(`expected HDFS to place one of ${COUNTIES.length} partitions on ${dataNode}`)
}
