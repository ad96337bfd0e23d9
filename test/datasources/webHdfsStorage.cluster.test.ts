import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { publish } from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { parseWebHdfsUrl, type WebHdfsOptions, webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { LAYOUT, noise } from '../contract/files.ts'
import { testStorage } from '../contract/storage.ts'

const MIB = 1024 * 1024

/** A storage whose "/" is a new folder of the HDFS that all test files share. */
async function openStorage(changes: Partial<WebHdfsOptions> = {}): Promise<Storage> {
  const address = parseWebHdfsUrl(`${inject('cluster').env.MILLRACE_STORAGE_URL}/storage-test-${randomUUID()}`)
  return webHdfsStorage({ ...address, ...changes })
}

testStorage('HDFS', openStorage)

describe('HDFS', () => {
  const opened: Storage[] = []
  const open = async (changes?: Partial<WebHdfsOptions>) => {
    const storage = await openStorage(changes)
    opened.push(storage)
    return storage
  }
  afterAll(async () => {
    for (const storage of opened) {
      for (const { path } of await storage.list('/')) await storage.remove(path)
      await storage.close()
    }
  })

  test('keeps two replicas of blocks of 1 MiB where that is asked, and one of 2 MiB', async () => {
    const storage = await open()
    const status = await publish(
      storage,
      '/main',
      () => [noise(3 * MIB + 5)],
      { replication: 2, blockBytes: MIB },
      { owner: 'test' },
    )
    expect(status).toMatchObject({ path: '/main', replication: 2, blockBytes: MIB, length: 3 * MIB + 5 })
    const { blocks } = await storage.blockLocations('/main')
    expect(blocks.map(({ offset, length }) => [offset, length])).toEqual([
      [0, MIB],
      [MIB, MIB],
      [2 * MIB, MIB],
      [3 * MIB, 5],
    ])
    for (const { dataNodes } of blocks) expect(new Set(dataNodes).size).toBe(2)

    await storage.create('/partition', [noise(10)], { replication: 1, blockBytes: 2 * MIB })
    expect(await storage.stat('/partition')).toMatchObject({ replication: 1, blockBytes: 2 * MIB })
  })

  test('names in blocks the same DataNodes that it lists', async () => {
    const storage = await open()
    await storage.create('/file', [noise(3 * MIB)], { replication: 2, blockBytes: MIB })
    const names = (await storage.dataNodes()).map(({ name }) => name)
    const { blocks } = await storage.blockLocations('/file')
    expect(names).toEqual(expect.arrayContaining(blocks.flatMap(({ dataNodes }) => dataNodes)))
  })

  test('says where and what it is, and never a password', async () => {
    const storage = await open()
    expect(storage.url).toMatch(/^webhdfs:\/\/root@127\.0\.0\.1:\d+\/storage-test-/)
    expect(await storage.ping()).toMatch(/^Hadoop 3\.\d+\.\d+, NameNode 127\.0\.0\.1:\d+, 3 live and 0 dead DataNodes$/)
  })

  test.each([
    ['a block size that is too small', { replication: 1, blockBytes: 512 }],
    ['a block size that is no multiple of 512', { replication: 1, blockBytes: MIB + 1 }],
    ['more replicas than HDFS allows', { replication: 600, blockBytes: MIB }],
  ])('tells a refused write by its reason, however much was sent before: %s', async (_, layout) => {
    const storage = await open()
    const writing = storage.create('/refused', Array(20).fill(noise(MIB)), layout)
    await expect(writing).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('"/refused"') as string,
    })
  })

  test('refuses a name that HDFS cannot keep', async () => {
    const storage = await open()
    await expect(storage.create('/a:b', [], LAYOUT)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expect(storage.create(`/${'x'.repeat(300)}`, [], LAYOUT)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })

  test('leaves no socket open after close, and answers no more', async () => {
    const storage = await openStorage()
    await storage.create('/file', [noise(10)], LAYOUT)
    await storage.read('/file', { offset: 0, length: 10 })
    await storage.remove('/file')
    await storage.close()
    await expect.poll(openSockets).toBe(0)
    await expect(storage.stat('/file')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('ends a write that is under way when it is closed', async () => {
    const storage = await openStorage()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    async function* chunks() {
      yield noise(10)
      start()
      await new Promise(() => {})
    }
    const writing = storage.create('/file', chunks(), LAYOUT)
    await Promise.race([started, writing])
    await storage.close()
    await expect(writing).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  /** Sockets of this process to HDFS, other storages of this file apart: those are idle and few, so they are closed first. */
  async function openSockets(): Promise<number> {
    for (const storage of opened.splice(0)) await storage.close()
    return process.getActiveResourcesInfo().filter(resource => resource === 'TCPSocketWrap').length
  }
})
