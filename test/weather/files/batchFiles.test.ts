import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import { type BatchFiles, createBatchFiles, wholeOf } from '../../../src/weather/files/batchFiles.ts'
import { batchWriter, generatedRows } from '../setup/batches.ts'
import { type CountingStorage, countingStorage } from '../setup/countingStorage.ts'

let folder: string
let storage: CountingStorage
let files: BatchFiles
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-batch-files-'))
  storage = countingStorage(localStorage({ folder }))
  files = createBatchFiles(storage)
})
afterEach(() => rm(folder, { recursive: true }))

const rows = generatedRows(4)

describe('the batch files of a storage', () => {
  test('are none where there are none', async () => {
    expect(await files.list()).toEqual([])
  })

  test('are listed by partition, and each is read once', async () => {
    await writeBatches(3, 2)
    await writeBatches(0, 3)
    await storage.create('/data/other.parquet', [Buffer.from('no batch')], { replication: 1, blockBytes: 1 << 20 })
    const listed = await files.list()
    expect(listed.map(({ partition, visible }) => [partition, visible.map(shown)])).toEqual([
      [0, ['0', '1', '2']],
      [3, ['0', '1']],
    ])
    expect(storage.takeReads()).toHaveLength(5)
    expect(await files.list()).toEqual(listed)
    expect(storage.takeReads()).toEqual([])
  })

  test('are read again where one was written again under its name', async () => {
    await writeBatches(0, 2)
    await files.list()
    storage.takeReads()
    await rm(pathOf('0'))
    await batchWriter(storage, 0).write(rows.slice(0, 7))
    expect((await files.list())[0]!.visible.map(({ meta }) => meta.rows)).toEqual([7, 10])
    expect(storage.takeReads()).toEqual(['/data/partition-0-batch-0.parquet'])
  })

  test('a merged file that is damaged makes room for its parts, as long as they are there', async () => {
    await writeBatches(0, 4)
    await writeMerged()
    expect((await files.list())[0]!.visible.map(shown)).toEqual(['0-2', '3'])
    await damage('0-to-2')
    const [set] = await files.list()
    expect(set!.visible.map(shown)).toEqual(['0', '1', '2', '3'])
    expect(set!.damaged).toMatchObject([{ problem: 'expected PAR1 at its end' }])
    expect(wholeOf([set!])).toHaveLength(4)
    await rm(pathOf('1'))
    const after = await files.list()
    expect(() => wholeOf(after)).toThrow('/data/partition-0-batch-0-to-2.parquet is damaged: expected PAR1 at its end')
  })

  test('a damaged last file is told, since nothing stands in for it', async () => {
    await writeBatches(0, 2)
    await damage('1')
    const listed = await files.list()
    expect(listed[0]!.visible.map(shown)).toEqual(['0'])
    expect(() => wholeOf(listed)).toThrow('partition-0-batch-1.parquet is damaged')
  })

  test('a file that holds other batches than its name says is no file of them', async () => {
    await writeBatches(0, 2)
    await writeFile(pathOf('2'), await readFile(pathOf('1')))
    const [set] = await files.list()
    expect(set!.damaged).toMatchObject([{ problem: 'it holds batches 1 to 1 of partition 0' }])
  })

  test('a missing one is told with its number', async () => {
    await writeBatches(0, 3)
    await rm(pathOf('1'))
    const listed = await files.list()
    expect(() => wholeOf(listed)).toThrow('no file in /data that holds batch 1, although there are later ones')
  })

  test('a reader whose files are replaced and swept meanwhile sees the new ones, and none of the old', async () => {
    await writeBatches(0, 3)
    const seen: string[][] = []
    const result = await files.reading(async ([set]) => {
      seen.push(set!.visible.map(shown))
      if (seen.length === 1) {
        await writeMerged()
        for (const batch of ['0', '1', '2']) await rm(pathOf(batch))
      }
      const lengths = set!.visible.map(({ status: { path } }) => storage.read(path, { offset: 0, length: 4 }))
      return (await Promise.all(lengths)).length
    })
    expect(seen).toEqual([['0', '1', '2'], ['0-2']])
    expect(result).toBe(1)
  })

  test('a reader whose files go again and again gives up', async () => {
    await writeBatches(0, 1)
    let attempts = 0
    const reading = files.reading(async () => {
      attempts++
      return await storage.stat('/data/gone')
    })
    await expect(reading).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(attempts).toBe(4)
  })
})

/** Of ten rows each. */
async function writeBatches(partition: number, batches: number): Promise<void> {
  const writer = batchWriter(storage, partition)
  for (let batch = 0; batch < batches; batch++) await writer.write(rows.slice(batch * 10, batch * 10 + 10))
}

/** Batches 0 to 2 of partition 0 as one file. */
async function writeMerged(): Promise<void> {
  await batchWriter(storage, 0).write(rows.slice(0, 30), { lastBatch: 2 })
}

async function damage(batches: string): Promise<void> {
  const bytes = await readFile(pathOf(batches))
  await writeFile(pathOf(batches), bytes.subarray(0, -20))
}

function pathOf(batches: string): string {
  return join(folder, `data/partition-0-batch-${batches}.parquet`)
}

function shown({ firstBatch, lastBatch }: { firstBatch: number; lastBatch: number }): string {
  return firstBatch === lastBatch ? `${firstBatch}` : `${firstBatch}-${lastBatch}`
}
