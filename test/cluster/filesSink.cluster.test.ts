import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { Log } from '../../src/datasources/log.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'
import { openReceivingWorld, type ReceivingWorld } from '../setup/receivingWorld.ts'

const BLOCK_BYTES = 1_500_000

let log: Log
let storage: Storage
let world: ReceivingWorld
const folder = `/received-${randomUUID()}`
beforeEach(async () => {
  const { MILLRACE_LOG_URL, MILLRACE_STORAGE_URL } = inject('cluster').env
  log = kafkaLog(kafkaOptions(MILLRACE_LOG_URL!))
  storage = webHdfsStorage(parseWebHdfsUrl(MILLRACE_STORAGE_URL!))
  world = await openReceivingWorld(log)
})
afterEach(async () => {
  await world.close()
  await storage.remove(folder)
  await Promise.all([log.close(), storage.close()])
})

test('blocks that came over Kafka to three receivers land on HDFS as whole files', async () => {
  const files: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    'sub/a file.bin': randomBytes(BLOCK_BYTES),
    'five blocks': randomBytes(4 * BLOCK_BYTES + 1),
  }
  for (const [name, bytes] of Object.entries(files)) await world.write(name, bytes)
  for (const machine of ['machine1', 'machine2', 'machine3']) world.receive({ machine, sink: { storage, folder } })
  const sent = await world
    .sender({ settings: { blockBytes: BLOCK_BYTES, wait: true } })
    .run(AbortSignal.timeout(90_000))
  expect(sent.files.map(({ problem }) => problem)).toEqual([null, null, null])
  for (const [name, bytes] of Object.entries(files)) {
    const path = `${folder}/${name}`
    expect(await storage.stat(path)).toMatchObject({ kind: 'file', length: bytes.length, replication: 2 })
    const read = bytes.length === 0 ? Buffer.alloc(0) : await storage.read(path, { offset: 0, length: bytes.length })
    expect(Buffer.from(read).equals(bytes)).toBe(true)
  }
  expect((await storage.list(`${folder}/.blocks`)).filter(({ kind }) => kind === 'folder')).toEqual([])
})
