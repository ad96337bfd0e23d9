import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTcpProxy } from '../../harness/proxy.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import { PARTITIONS_FOLDER, partitionPath } from '../../src/loans/partitionFile.ts'
import { watchedStorage } from '../setup/crashingKeepers.ts'
import { COUNTIES, figuresOf, raiseLoans, sourcesOf, trueFigures } from '../setup/wisconsinLoans.ts'
import { makeClean } from './runCase.ts'
import { type FaultServer, type FaultSite, openFaultSite } from './site.ts'

/** What is promised of loans while parts of HDFS are away, beside what the lists of cases show. */

const MIB = 1 << 20
const COUNTY = 55001
/** Random text of so many digests makes the county's partition some megabytes large. */
const DIGESTS = 50

let site: FaultSite
let server: FaultServer

beforeAll(async () => {
  site = await openFaultSite({ storageWaitSeconds: 25 })
  const digests = Array.from({ length: DIGESTS }, (_, index) => `SHA2(id + ${index} / 100, 512)`)
  await site.database.connection.query(
    `UPDATE loans SET remarks = CONCAT(${digests.join(', ')}) WHERE county_code = ${COUNTY}`,
  )
  await makeClean(site)
})
afterAll(() => site?.close())
beforeEach(async () => {
  server = await site.openServer()
})
afterEach(() => site.closeServer(server))

async function expectAllRight(): Promise<void> {
  expect(figuresOf(await server.averages(COUNTIES))).toEqual(await trueFigures(site.database))
}

describe('a partition', () => {
  test('that has lost one of several blocks is lost, and made again', async () => {
    await server.averages([COUNTY])
    const path = partitionPath(COUNTY)
    const { length } = await site.storage.stat(path)
    const bytes = await site.storage.read(path, { offset: 0, length })
    const several = { replication: 1, blockBytes: MIB }
    await createPublisher(site.storage, 'faults').publish(path, () => [bytes], several)
    const { blocks } = await site.storage.blockLocations(path)
    expect(blocks.length).toBeGreaterThan(2)
    expect(await server.averages([COUNTY])).toMatchObject([{ source: 'REUSE' }])

    // The one in the middle: neither the footer nor what an average is made of.
    const [host] = blocks[1]!.dataNodes
    const dataNode = site.cluster.names.find(
      name => name.startsWith('datanode') && site.cluster.dataNodeHost(name) === host,
    )!
    await site.cluster.kill(dataNode)
    try {
      const [again] = await server.averages([COUNTY])
      expect(again).toMatchObject({ source: 'RECREATE', warning: null })
      expect(await server.averages([COUNTY])).toMatchObject([{ source: 'REUSE', averageLoan: again!.averageLoan }])
    } finally {
      await site.cluster.restart(dataNode)
      await site.cluster.waitForLiveDataNodes(3)
    }
    await expectAllRight()
    expect(await server.averages([COUNTY])).toMatchObject([{ source: 'REUSE' }])
  })

  test('of an earlier migration is made again, with the new figures', async () => {
    await server.averages(COUNTIES)
    await raiseLoans(site.database, 10)
    expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
    const again = await server.averages(COUNTIES)
    expect(figuresOf(again)).toEqual(await trueFigures(site.database))
    expect(new Set(sourcesOf(again).values())).toEqual(new Set(['RECREATE']))
  })

  test('that no DataNode has room for costs a warning, and the next question tries again', async () => {
    await site.storage.remove(PARTITIONS_FOLDER)
    await site.storage.create(`${PARTITIONS_FOLDER}/.keep`, [], { replication: 1, blockBytes: MIB })
    await site.cluster.hdfs(['dfsadmin', '-setSpaceQuota', '1', PARTITIONS_FOLDER])
    const truth = (await trueFigures(site.database)).get(COUNTY)
    try {
      const [answer] = await server.averages([COUNTY])
      expect(figuresOf([answer!]).get(COUNTY)).toEqual(truth)
      expect(answer).toMatchObject({ source: 'CREATE', warning: expect.stringContaining('HDFS has no room') })
    } finally {
      await site.cluster.hdfs(['dfsadmin', '-clrSpaceQuota', PARTITIONS_FOLDER])
    }
    expect(await server.averages([COUNTY])).toMatchObject([{ source: 'CREATE', warning: null }])
    expect(await server.averages([COUNTY])).toMatchObject([{ source: 'REUSE' }])
  })
})

describe('a NameNode in safe mode', () => {
  beforeEach(() => site.cluster.hdfs(['dfsadmin', '-safemode', 'enter']))
  afterEach(() => site.cluster.hdfs(['dfsadmin', '-safemode', 'leave']))

  test('still lets averages be answered, with a warning', async () => {
    await site.cluster.hdfs(['dfsadmin', '-safemode', 'leave'])
    await site.storage.remove(partitionPath(COUNTY))
    await site.cluster.hdfs(['dfsadmin', '-safemode', 'enter'])
    const [answer] = await server.averages([COUNTY])
    expect(figuresOf([answer!]).get(COUNTY)).toEqual((await trueFigures(site.database)).get(COUNTY))
    expect(answer).toMatchObject({ source: 'CREATE', warning: expect.stringContaining('safe mode') })
  })

  test('is waited for by a migration, which then succeeds', async () => {
    await raiseLoans(site.database, 10)
    const job = server.startMigration()
    await expect
      .poll(job.message, { timeout: 10_000 })
      .toMatch(/^Waiting up to \d+ s more for the storage\. HDFS is in safe mode/)
    await site.cluster.hdfs(['dfsadmin', '-safemode', 'leave'])
    expect(await job.finished()).toMatchObject({ state: 'SUCCEEDED' })
    await expectAllRight()
  })
})

describe('one of two NameNode addresses that goes away', () => {
  test('in the middle of a migration, and as counties are averaged, costs nothing: the other is asked', async () => {
    const target = new URL(site.cluster.directEnv.MILLRACE_STORAGE_URL!).host
    const proxies = [await openTcpProxy({ target }), await openTcpProxy({ target })]
    const [active, other] = proxies.map(({ address }) => address)
    let failOver: (() => Promise<void>) | undefined
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-failover-'))
    const two = await site.openServer({
      dataDir,
      storageUrl: `webhdfs://root@${active},${other}`,
      storage: storage =>
        watchedStorage(storage, async moment => {
          if (moment !== 'chunk taken') return
          await failOver?.()
          failOver = undefined
        }),
    })
    try {
      await raiseLoans(site.database, 10)
      failOver = () => proxies[0]!.refuse()
      expect(await two.migrate()).toMatchObject({ state: 'SUCCEEDED' })
      expect(failOver).toBeUndefined()

      await proxies[0]!.accept()
      failOver = () => proxies[1]!.refuse()
      expect(figuresOf(await two.averages(COUNTIES))).toEqual(await trueFigures(site.database))
      expect(failOver).toBeUndefined()
    } finally {
      await two.close()
      await rm(dataDir, { recursive: true })
      await Promise.all(proxies.map(proxy => proxy.close()))
    }
  })
})

describe('two servers on one HDFS', () => {
  let other: FaultServer
  let dataDir: string
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'millrace-other-'))
    other = await site.openServer({ dataDir })
  })
  afterEach(async () => {
    await other.close()
    await rm(dataDir, { recursive: true })
  })

  test('migrate one at a time, and the other is told so', async () => {
    await raiseLoans(site.database, 10)
    const jobs = await Promise.all([server.migrate(), other.migrate()])
    expect(jobs.map(({ state }) => state).toSorted()).toEqual(['FAILED', 'SUCCEEDED'])
    expect(jobs.find(({ state }) => state === 'FAILED')).toMatchObject({
      errorCode: 'CONFLICT',
      message: expect.stringContaining('Another server is migrating loans on this storage already.'),
    })
    await expectAllRight()
  })

  test('make whole partitions of the same counties at the same time', async () => {
    await site.storage.remove(PARTITIONS_FOLDER)
    const truth = await trueFigures(site.database)
    const answers = await Promise.all([server.averages(COUNTIES), other.averages(COUNTIES)])
    for (const averages of answers) expect(figuresOf(averages)).toEqual(truth)
    const again = await Promise.all([server.averages(COUNTIES), other.averages(COUNTIES)])
    for (const averages of again) {
      expect(figuresOf(averages)).toEqual(truth)
      expect(new Set(sourcesOf(averages).values())).toEqual(new Set(['REUSE']))
    }
    expect(await site.temporaries()).toEqual([])
  })
})

describe('dataNodes and systems', () => {
  const statesOf = async () => (await server.dataNodes()).map(({ name, state }) => `${name} ${state}`)
  const systemOf = async (role: string) => (await server.systems()).find(system => system.role === role)

  test('tell within seconds that a DataNode is stale, dead, and back', async () => {
    const host = site.cluster.dataNodeHost('datanode-3')
    const soon = { timeout: 15_000, interval: 100 }
    expect((await statesOf()).every(state => state.endsWith(' LIVE'))).toBe(true)
    await site.cluster.hang('datanode-3')
    try {
      // The NameNode mistrusts it after 10 s of silence, and gives it up after 12 and at its next look.
      await expect.poll(statesOf, soon).toContain(`${host} STALE`)
      await expect.poll(statesOf, soon).toContain(`${host} DEAD`)
      expect(await systemOf('STORAGE')).toMatchObject({
        reachable: true,
        detail: expect.stringContaining('2 live and 1 dead DataNodes'),
      })
    } finally {
      await site.cluster.resume('datanode-3')
    }
    await expect.poll(statesOf, soon).toContain(`${host} LIVE`)
  })

  test('tell within their deadlines that a NameNode does not answer', async () => {
    await site.cluster.hang('namenode')
    try {
      const startedAt = performance.now()
      const systems = await server.systems()
      expect(performance.now() - startedAt).toBeLessThan(3_000)
      expect(systems).toContainEqual(expect.objectContaining({ role: 'SOURCE', reachable: true }))
      const silent = { role: 'STORAGE', reachable: false, detail: 'No answer within 2 seconds.' }
      expect(systems).toContainEqual(expect.objectContaining(silent))
      await expect(server.dataNodes()).rejects.toMatchObject({ code: 'UNAVAILABLE', hint: expect.any(String) })
      expect(performance.now() - startedAt).toBeLessThan(14_000)
    } finally {
      await site.cluster.resume('namenode')
    }
    await expect.poll(async () => (await systemOf('STORAGE'))?.reachable, { timeout: 10_000 }).toBe(true)
  })
})
