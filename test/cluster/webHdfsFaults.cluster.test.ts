import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { publish } from '../../src/datasources/publish.ts'
import type { FileLayout, Storage } from '../../src/datasources/storage.ts'
import { parseWebHdfsUrl, webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { noise } from '../contract/files.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

const MIB = 1024 * 1024
const TWICE: FileLayout = { replication: 2, blockBytes: MIB }
const ONCE: FileLayout = { replication: 1, blockBytes: MIB }
const MAIN_BYTES = noise(12 * MIB + 345)
const PARTITIONS = 12

let cluster: Cluster
/** DataNode name of the harness, for example "datanode-1", by its host name in HDFS. */
let daemonOf: Map<string, string>
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['hdfs'] })
  daemonOf = new Map([1, 2, 3].map(number => [`127.0.0.1${number}`, `datanode-${number}`]))
})
afterAll(() => cluster.destroy())

describe.each([
  ['killed with -9', (name: string) => cluster.kill(name), (name: string) => cluster.restart(name)],
  ['stopped with SIGSTOP', (name: string) => cluster.hang(name), (name: string) => cluster.resume(name)],
])('right after a DataNode was %s, and until the NameNode notices', (how, strike, heal) => {
  const folder = `/${how.replaceAll(' ', '-')}`
  const main = `${folder}/main`
  let storage: Storage
  let struck: string
  /** Partitions whose only replica was on the DataNode that is struck, and those that were not. */
  let lost: string[]
  let kept: string[]
  const open = () => webHdfsStorage(parseWebHdfsUrl(cluster.env.MILLRACE_STORAGE_URL!))

  beforeAll(async () => {
    await cluster.waitForLiveDataNodes(3)
    const writer = open()
    await publish(writer, main, () => [MAIN_BYTES], TWICE, { owner: 'faults' })
    const byHost = new Map<string, string[]>()
    for (let index = 0; index < PARTITIONS; index += 1) {
      const path = `${folder}/partitions/${index}`
      await publish(writer, path, () => [noise(50_000 + index)], ONCE, { owner: 'faults' })
      const host = (await writer.blockLocations(path)).blocks[0]!.dataNodes[0]!
      byHost.set(host, [...(byHost.get(host) ?? []), path])
    }
    await writer.close()
    const [host, paths] = [...byHost].sort(([, left], [, right]) => right.length - left.length)[0]!
    lost = paths
    kept = [...byHost.values()].flat().filter(path => !paths.includes(path))
    struck = daemonOf.get(host)!
    await strike(struck)
  })
  afterAll(async () => {
    await heal(struck)
    await cluster.waitForLiveDataNodes(3)
  })
  // Each test starts as a server just started: it remembers nothing of the DataNode that was struck.
  beforeEach(() => {
    storage = open()
  })
  afterEach(() => storage.close())

  const contentOf = (path: string) => noise(50_000 + Number(path.split('/').at(-1)))
  const readPartition = async (path: string) => {
    const expected = contentOf(path)
    return expected.equals(await storage.read(path, { offset: 0, length: expected.length }))
  }
  const readMain = async () => {
    const bytes = await storage.read(main, { offset: 0, length: MAIN_BYTES.length })
    expect(MAIN_BYTES.equals(bytes)).toBe(true)
  }

  test('a file with two replicas is read whole, and again', async () => {
    const first = await seconds(readMain)
    const second = await seconds(readMain)
    console.log(`${how}: the main file read in ${first} s, again in ${second} s`)
    expect(first).toBeLessThan(10)
    expect(second).toBeLessThan(10)
  })

  test('many parallel reads wait for it once, and files with a lost replica are DATA_LOST', async () => {
    let results: PromiseSettledResult<boolean>[] = []
    const took = await seconds(async () => {
      results = await Promise.allSettled([...lost, ...kept].map(readPartition))
    })
    for (const result of results.slice(0, lost.length)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'DATA_LOST' } })
    }
    for (const result of results.slice(lost.length)) expect(result).toEqual({ status: 'fulfilled', value: true })
    const again = await seconds(async () => {
      for (const path of kept) expect(await readPartition(path)).toBe(true)
      for (const path of lost) await expect(readPartition(path)).rejects.toMatchObject({ code: 'DATA_LOST' })
    })
    console.log(`${how}: ${lost.length} lost and ${kept.length} kept told in ${took} s, again one by one in ${again} s`)
    expect(took).toBeLessThan(10)
    expect(again).toBeLessThan(5)
  })

  test('files are published all the same, with one replica or two', async () => {
    const renewed = lost.splice(1)
    const took = await seconds(async () => {
      for (const path of renewed) {
        await publish(storage, path, () => [contentOf(path)], ONCE, { owner: 'faults' })
        expect(await readPartition(path)).toBe(true)
      }
    })
    const twice = await seconds(() => publish(storage, main, () => [MAIN_BYTES], TWICE, { owner: 'faults' }))
    console.log(`${how}: ${renewed.length} partitions published in ${took} s, the main file in ${twice} s`)
    await readMain()
    expect((await storage.list(folder)).map(({ path }) => path)).toEqual([main, `${folder}/partitions`])
  })

  test('in the end the NameNode tells it as dead, and the block that only it had as lost', async () => {
    await cluster.waitUntilDead(struck)
    const nodes = await storage.dataNodes()
    expect(nodes.filter(({ state }) => state === 'DEAD').map(({ name }) => daemonOf.get(name))).toEqual([struck])
    const holders = async () => (await storage.blockLocations(lost[0]!)).blocks[0]!.dataNodes
    await expect.poll(holders, { timeout: 30_000 }).toEqual([])
    await expect(readPartition(lost[0]!)).rejects.toMatchObject({ code: 'DATA_LOST' })
    expect(await readPartition(kept[0]!)).toBe(true)
  })
})

describe('a NameNode', () => {
  let storage: Storage
  beforeAll(async () => {
    storage = webHdfsStorage(parseWebHdfsUrl(cluster.env.MILLRACE_STORAGE_URL!))
    await publish(storage, '/file', () => [noise(10)], TWICE, { owner: 'faults' })
  })
  afterAll(() => storage.close())

  test('in safe mode lets files be read and not written, and the hint says how it ends', async () => {
    await cluster.hdfs(['dfsadmin', '-safemode', 'enter'])
    try {
      expect(await storage.read('/file', { offset: 0, length: 10 })).toHaveLength(10)
      const refused = { code: 'UNAVAILABLE', hint: expect.stringContaining('safe mode') as string }
      await expect(storage.create('/other', Array(20).fill(noise(MIB)), TWICE)).rejects.toMatchObject(refused)
      await expect(storage.rename('/file', '/other')).rejects.toMatchObject(refused)
      await expect(storage.remove('/file')).rejects.toMatchObject(refused)
      await expect(storage.ping()).rejects.toMatchObject(refused)
    } finally {
      await cluster.hdfs(['dfsadmin', '-safemode', 'leave'])
    }
    expect(await storage.ping()).toContain('3 live')
  })

  test('that hangs is UNAVAILABLE within seconds, and used again when it goes on', async () => {
    await cluster.hang('namenode')
    const took = await seconds(() => expect(storage.stat('/file')).rejects.toMatchObject({ code: 'UNAVAILABLE' }))
    await cluster.resume('namenode')
    expect(took).toBeLessThan(10)
    expect((await storage.stat('/file')).length).toBe(10)
  })

  test('that is killed is UNAVAILABLE at once, and used again when it is back', async () => {
    await cluster.kill('namenode')
    const took = await seconds(() => expect(storage.stat('/file')).rejects.toMatchObject({ code: 'UNAVAILABLE' }))
    expect(took).toBeLessThan(3)
    await cluster.restart('namenode')
    await cluster.waitForLiveDataNodes(3)
    expect((await storage.stat('/file')).length).toBe(10)
    await expect.poll(() => storage.ping(), { timeout: 30_000 }).toContain('3 live')
  })
})

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return Math.round(performance.now() - startedAt) / 1000
}
