import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import type { Log } from '../../../src/datasources/log.ts'
import { sqliteLog } from '../../../src/datasources/sqliteLog.ts'
import { type BatchFiles, createBatchFiles } from '../../../src/weather/files/batchFiles.ts'
import { weatherBatches } from '../../../src/weather/queries/batches.ts'
import { weatherPartitions } from '../../../src/weather/queries/partitions.ts'
import { batchWriter, generatedRows } from '../setup/batches.ts'
import { type CountingStorage, countingStorage } from '../setup/countingStorage.ts'

let folder: string
let storage: CountingStorage
let files: BatchFiles
let log: Log
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-partitions-'))
  storage = countingStorage(localStorage({ folder: join(folder, 'storage') }))
  files = createBatchFiles(storage)
  log = sqliteLog({ file: join(folder, 'log.sqlite') })
})
afterEach(async () => {
  await log.close()
  await rm(folder, { recursive: true })
})

const topic = 'temperatures'
const rows = generatedRows(5)

describe('the partitions', () => {
  test('are none before there is a topic or a file', async () => {
    expect(await weatherPartitions({ files, log, topic })).toEqual([])
  })

  test('lag behind the log by what waits there', async () => {
    await log.createTopic(topic, { partitions: 3, replication: 1 })
    const producer = log.producer()
    await producer.send(
      topic,
      rows.map(() => ({ key: Buffer.from('key'), value: Buffer.from('value'), partition: 1 })),
    )
    await producer.close()
    const writer = batchWriter(storage, 1)
    await writer.write(rows.slice(0, 20))
    await writer.write(rows.slice(20, 27), {
      totals: { rows: 27, doubles: 4, deadLetters: 2, lostRecords: 0, maxRowId: 27 },
    })
    expect(await weatherPartitions({ files, log, topic })).toEqual([
      empty(0),
      {
        partition: 1,
        nextOffset: 27,
        endOffset: 50,
        lag: 23,
        nextBatch: 2,
        rows: 27,
        doubles: 4,
        deadLetters: 2,
        warning: null,
      },
      empty(2),
    ])
    storage.takeReads()
    await weatherPartitions({ files, log, topic })
    expect(storage.takeReads()).toEqual([])
  })

  test('warn of what a person should know', async () => {
    await log.createTopic(topic, { partitions: 1, replication: 1 })
    const writer = batchWriter(storage, 0)
    for (const start of [0, 10, 20]) await writer.write(rows.slice(start, start + 10))
    await storage.remove('/data/partition-0-batch-1.parquet')
    await storage.create('/data/partition-0-batch-3.parquet', [Buffer.from('?')], {
      replication: 1,
      blockBytes: 1 << 20,
    })
    await batchWriter(storage, 4).write(rows, {
      totals: { rows: 50, doubles: 0, deadLetters: 0, lostRecords: 1_200, maxRowId: 50 },
    })
    const states = await weatherPartitions({ files, log, topic })
    expect(states.map(({ partition, warning }) => [partition, warning])).toEqual([
      [0, '/data/partition-0-batch-3.parquet is damaged: expected PAR1 at its end. No file holds batch 1.'],
      [
        4,
        'The log had dropped 1,200 records before they were read: what they held is in no file. The log has no such partition now.',
      ],
    ])
    expect(states[0]).toMatchObject({ nextOffset: 30, endOffset: 0, lag: 0 })
  })
})

test('batch files are listed as readers see them, of one partition or of all', async () => {
  const [first, second] = [batchWriter(storage, 0), batchWriter(storage, 2)]
  await first.write(rows.slice(0, 30), { lastBatch: 4, endOffset: 33 })
  await second.write(rows.slice(30))
  const [merged, single] = await weatherBatches(files, undefined)
  expect(merged).toEqual({
    partition: 0,
    batch: 0,
    lastBatch: 4,
    path: '/data/partition-0-batch-0-to-4.parquet',
    rows: 30,
    length: (await storage.stat('/data/partition-0-batch-0-to-4.parquet')).length,
    firstOffset: 0,
    lastOffset: 32,
    writtenAt: new Date('2026-01-01T00:00:00Z'),
  })
  expect(single).toMatchObject({ partition: 2, batch: 0, lastBatch: 0, rows: 20 })
  expect(await weatherBatches(files, 2)).toEqual([single])
  expect(await weatherBatches(files, 1)).toEqual([])
})

function empty(partition: number) {
  return {
    partition,
    nextOffset: 0,
    endOffset: 0,
    lag: 0,
    nextBatch: 0,
    rows: 0,
    doubles: 0,
    deadLetters: 0,
    warning: null,
  }
}
