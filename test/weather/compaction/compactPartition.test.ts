import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/datasources/clock.ts'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import { parseTemporaryName, temporaryName } from '../../../src/datasources/publish.ts'
import { nameOf } from '../../../src/datasources/storagePath.ts'
import type { Candidate } from '../../../src/weather/compaction/chooseRange.ts'
import { type CompactorOptions, createCompactor } from '../../../src/weather/compaction/compactPartition.ts'
import { parquetMergeCodec } from '../../../src/weather/compaction/parquetMergeCodec.ts'
import { PLAN_FOLDER } from '../../../src/weather/compaction/plans.ts'
import { COMPACTION_STEPS, type CompactionStep } from '../../../src/weather/compaction/steps.ts'
import { createBatchFiles, wholeOf } from '../../../src/weather/files/batchFiles.ts'
import { openBatchFile, rowsOf } from '../../../src/weather/files/openBatchFile.ts'
import { verifyWeather } from '../../../src/weather/queries/verify.ts'
import { localCopy } from '../../setup/localCopy.ts'
import { batchWriter, generatedRows, type TestRow, testRowsOf } from '../setup/batches.ts'
import { type CountingStorage, countingStorage } from '../setup/countingStorage.ts'

let root: string
let folder: string
let storage: CountingStorage
let number = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-compaction-'))
})
beforeEach(() => {
  folder = join(root, String(number++))
  storage = countingStorage(localStorage({ folder }))
})
afterAll(() => rm(root, { recursive: true }))

const ALL = { all: true }
/** Old enough to be swept, though the files have just been written. */
const SWEEP_AT_ONCE = { keepReplacedMillis: -60_000 }

describe('merging the files of a partition', () => {
  test('keeps all rows and their ids in order, and what the files say of themselves', async () => {
    const rows = generatedRows(12)
    const writer = batchWriter(storage, 2)
    await writer.write(rows.slice(0, 50), { doubles: 3 })
    await writer.write([])
    await writer.write(rows.slice(50), { deadLetters: 1, lost: [{ from: 7, to: 9 }], epoch: 4 })
    const before = await metas(2)
    expect(await compact(2, ALL)).toEqual({ files: 3, merged: 1, rows: 120, swept: 0 })
    expect(await visiblePaths()).toEqual(['/data/partition-2-batch-0-to-2.parquet'])
    const [merged] = await metas(2)
    expect(merged).toEqual({
      ...before[2],
      firstBatch: 0,
      firstOffset: 0,
      rows: 120,
      minRowId: 1,
      doubles: 3,
      lost: [{ from: 7, to: 9 }],
      epoch: 4,
    })
    expect(await storedRows()).toEqual(rows)
    const copy = await localCopy(storage, '/data/partition-2-batch-0-to-2.parquet')
    expect(await copy.rows(`FROM ${copy.table}`)).toEqual(rows.map(row => [row.stationId, row.date, row.degrees]))
    await copy.close()
  })

  test('copies large row groups as they are, and gathers small ones', async () => {
    const rows = generatedRows(8_000)
    const writer = batchWriter(storage, 0)
    for (const [start, end] of [
      [0, 100],
      [100, 40_100],
      [40_100, 40_200],
      [40_200, 40_300],
      [40_300, 80_000],
    ]) {
      await writer.write(rows.slice(start, end))
    }
    const large = await bytesOfFirstGroup('/data/partition-0-batch-1.parquet')
    await compact(0, ALL)
    const [{ parts }] = (await visible()) as [Awaited<ReturnType<typeof visible>>[number]]
    expect(parts.map(part => part.rows)).toEqual([100, 40_000, 200, 39_700])
    const { offset, length } = parts[1]!
    expect(await storage.read('/data/partition-0-batch-0-to-4.parquet', { offset, length })).toEqual(large)
    expect(await storedRows()).toEqual(rows)
    const copy = await localCopy(storage, '/data/partition-0-batch-0-to-4.parquet')
    expect(await copy.rows(`SELECT count(*), min(date), max(date), sum(degrees) FROM ${copy.table}`)).toEqual([
      [80_000n, rows[0]!.date, rows.at(-1)!.date, rows.reduce((sum, row) => sum + row.degrees, 0)].map(value =>
        typeof value === 'number' ? (expect.closeTo(value, 3) as number) : value,
      ),
    ])
    await copy.close()
  })

  test('stays below the largest size, and has nothing to do the second time', async () => {
    await writeBatches(generatedRows(20_000), 20)
    const [batch] = await storage.list('/data')
    const maxBytes = batch!.length * 7.5
    await compact(0, ALL, { settings: { maxBytes } })
    const lengths = (await visible()).map(({ status }) => status.length)
    expect(lengths.length).toBeGreaterThan(1)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(maxBytes)
    expect(await compact(0, ALL, { settings: { maxBytes } })).toMatchObject({ files: 0, merged: 0 })
    expect(await storedRows()).toEqual(generatedRows(20_000))
  })

  test('by itself waits for enough files', async () => {
    await writeBatches(generatedRows(15), 15)
    expect(await compact(0, { all: false })).toMatchObject({ merged: 0 })
    await writer.write(generatedRows(1))
    expect(await compact(0, { all: false })).toMatchObject({ merged: 1, files: 16 })
  })

  test('removes replaced files only when they were replaced long ago, and no others', async () => {
    const rows = generatedRows(6)
    await writeBatches(rows, 3)
    await batchWriter(storage, 1).write(rows)
    expect(await compact(0, ALL, { settings: { keepReplacedMillis: 60_000 } })).toMatchObject({ merged: 1, swept: 0 })
    await storage.create('/data/partition-0-batch-0-to-1.parquet', [Buffer.from('foreign')], LAYOUT)
    expect(await files()).toHaveLength(6)
    const old = new Date(Date.now() - 61_000)
    await utimes(join(folder, 'data/partition-0-batch-0-to-2.parquet'), old, old)
    expect(await compact(0, ALL, { settings: { keepReplacedMillis: 60_000 } })).toMatchObject({ merged: 0, swept: 2 })
    expect(await files()).toEqual([
      '/data/partition-0-batch-0-to-1.parquet',
      '/data/partition-0-batch-0-to-2.parquet',
      '/data/partition-0-batch-2.parquet',
      '/data/partition-1-batch-0.parquet',
    ])
    expect(await storedRows(0)).toEqual(rows)
  })

  test('keeps the name of the newest batch taken until the next one is there, so that its number is not given twice', async () => {
    await writeBatches(generatedRows(6), 3)
    expect(await compact(0, ALL, { settings: SWEEP_AT_ONCE })).toMatchObject({ merged: 1, swept: 2 })
    expect(await compact(0, ALL, { settings: SWEEP_AT_ONCE })).toMatchObject({ merged: 0, swept: 0 })
    expect(await files()).toEqual(['/data/partition-0-batch-0-to-2.parquet', '/data/partition-0-batch-2.parquet'])
    await writer.write(generatedRows(1))
    expect(await compact(0, { all: false }, { settings: SWEEP_AT_ONCE })).toMatchObject({ merged: 0, swept: 1 })
    expect(await files()).toEqual(['/data/partition-0-batch-0-to-2.parquet', '/data/partition-0-batch-3.parquet'])
  })

  test('never removes the parts of a merged file that is damaged', async () => {
    const rows = generatedRows(6)
    await writeBatches(rows, 3)
    await compact(0, ALL)
    const merged = join(folder, 'data/partition-0-batch-0-to-2.parquet')
    await writeFile(merged, (await readFile(merged)).subarray(0, -9))
    expect(await compact(0, ALL, { settings: SWEEP_AT_ONCE })).toMatchObject({ merged: 1, swept: 2 })
    expect(await visiblePaths()).toEqual(['/data/partition-0-batch-0-to-2-repair-1.parquet'])
    expect(await storedRows()).toEqual(rows)
  })

  test('does not merge over a hole, and tells what it waits for where a file that was to be merged is gone', async () => {
    await writeBatches(generatedRows(6), 6)
    await expect(compact(0, ALL, { onStep: crashAt('plan published') })).rejects.toThrow(CRASH)
    await storage.remove('/data/partition-0-batch-3.parquet')
    await expect(compact(0, ALL)).rejects.toMatchObject({
      code: 'DATA_LOST',
      message: 'Expected to merge batches 0 to 5 of partition 0, but 1 of them cannot be read now.',
    })
    await rm(join(folder, 'checkpoints'), { recursive: true })
    await compact(0, ALL, { settings: SWEEP_AT_ONCE })
    expect(await files()).toEqual([
      '/data/partition-0-batch-0-to-2.parquet',
      '/data/partition-0-batch-4-to-5.parquet',
      '/data/partition-0-batch-5.parquet',
    ])
  })

  test('forgets what was to be merged where some of it was made again together with other batches', async () => {
    const rows = generatedRows(6)
    await writeBatches(rows, 6)
    const lastFour = { choose: (files: readonly Candidate[]) => files.slice(2), onStep: crashAt('plan published') }
    await expect(compact(0, ALL, lastFour)).rejects.toThrow(CRASH)
    await batchWriter(storage, 0).write(rows.slice(0, 40), { lastBatch: 3 })
    expect(await compact(0, ALL)).toMatchObject({ files: 3, merged: 1 })
    expect(await visiblePaths()).toEqual(['/data/partition-0-batch-0-to-5.parquet'])
    expect(await storedRows()).toEqual(rows)
  })

  test('ends when it is told to', async () => {
    await writeBatches(generatedRows(6), 6)
    const stop = new AbortController()
    const reason = new Error('stop')
    const onStep = (step: CompactionStep) => {
      if (step === 'merge begun') stop.abort(reason)
    }
    await expect(compactor(0, { onStep }).compact(ALL, { signal: stop.signal })).rejects.toBe(reason)
    expect((await temporaries()).length).toBe(0)
  })

  test('fails where the copy on the disks is not what was written, and leaves nothing', async () => {
    await writeBatches(generatedRows(6), 6)
    const real = { ...storage }
    storage.read = async (path, range, call) => {
      const bytes = await real.read(path, range, call)
      return parseTemporaryName(nameOf(path)) ? bytes.map(byte => byte ^ 1) : bytes
    }
    await expect(compact(0, ALL)).rejects.toMatchObject({ code: 'DATA_LOST' })
    expect(await visiblePaths()).toHaveLength(6)
    expect(await temporaries()).toEqual([])
  })
})

describe('a process that dies while it merges', () => {
  test.each(COMPACTION_STEPS)(
    'at the step "%s" leaves the old files or the new one, and the next one goes on',
    async step => {
      const rows = generatedRows(20)
      await writeBatches(rows, 10)
      await compact(0, ALL)
      await appendBatches(rows, 10)
      await expect(compact(0, ALL, { onStep: crashAt(step), settings: SWEEP_AT_ONCE })).rejects.toThrow(CRASH)
      expect(await storedRows()).toEqual([...rows, ...rows])
      await compact(0, ALL, { settings: SWEEP_AT_ONCE })
      expect(await storedRows()).toEqual([...rows, ...rows])
      expect(await files()).toEqual(['/data/partition-0-batch-0-to-19.parquet', '/data/partition-0-batch-19.parquet'])
    },
  )
})

test('what died half-written more than an hour ago is removed by the next merge', async () => {
  await writeBatches(generatedRows(4), 4)
  const [old, young] = ['old', 'young'].map(owner => `/data/${temporaryName('x.parquet', owner, randomUUID())}`)
  for (const path of [old!, young!]) await storage.create(path, [Buffer.from('half')], LAYOUT)
  const before = new Date(Date.now() - 3_700_000)
  await utimes(join(folder, old!), before, before)
  await compact(0, ALL)
  expect(await temporaries()).toEqual([young])
})

describe('several processes that merge at the same time', () => {
  test('do no harm, with a sweep that waits for nobody, whatever the order of their steps', async () => {
    const rows = generatedRows(30)
    for (let seed = 1; seed <= 12; seed++) {
      storage = countingStorage(localStorage({ folder: join(root, String(number++)) }))
      const random = seeded(seed)
      let written = 0
      const writer = batchWriter(storage, 0)
      const onStep = async () => {
        for (let turns = random() % 20; turns > 0; turns--) await new Promise(setImmediate)
        if (random() % 7 === 0) throw new Error(CRASH)
      }
      const write = async () => {
        for (; written < 30; written++) await writer.write(rows.slice(written * 10, written * 10 + 10))
      }
      const merge = async () => {
        for (let round = 0; round < 6; round++) {
          const settings = { minFiles: 2 + (random() % 3), ...SWEEP_AT_ONCE }
          await compact(0, { all: random() % 2 === 0 }, { onStep, settings }).catch((error: unknown) => {
            if (!String(error).includes(CRASH)) throw error
          })
        }
      }
      await Promise.all([write(), merge(), merge(), merge()])
      expect(await storedRows(), `seed ${seed}`).toEqual(rows)
      await compact(0, ALL, { settings: SWEEP_AT_ONCE })
      expect(await visiblePaths(), `seed ${seed}`).toEqual(['/data/partition-0-batch-0-to-29.parquet'])
      expect(await storedRows(), `seed ${seed}`).toEqual(rows)
    }
  })

  test('a decision that comes late, under a number that was forgotten, does not count', async () => {
    await writeBatches(generatedRows(6), 6)
    const resume = Promise.withResolvers<void>()
    const waiting = Promise.withResolvers<void>()
    const zombie = compactor(0, {
      onStep: async step => {
        if (step !== 'plan') return
        waiting.resolve()
        await resume.promise
      },
    }).compact(ALL, {})
    await waiting.promise
    for (let round = 0; round < 6; round++) {
      await compact(0, ALL, { settings: SWEEP_AT_ONCE })
      await appendBatches(generatedRows(4), 2)
    }
    expect((await storage.list(PLAN_FOLDER)).map(({ path }) => nameOf(path))).toEqual(
      [4, 5, 6].map(plan => `partition-0-plan-${plan}.json`),
    )
    const before = await storedRows()
    resume.resolve()
    await zombie
    expect(await storedRows()).toEqual(before)
    expect(await visiblePaths()).toEqual(['/data/partition-0-batch-0-to-17.parquet'])
  })

  test('a reader never sees a row missing or double meanwhile', async () => {
    const rows = generatedRows(60)
    await writeBatches(rows, 60)
    const batchFiles = createBatchFiles(storage)
    const source = {
      last: () => Promise.resolve(rows.length),
      async *all() {
        yield await Promise.resolve(rows.map(({ rowId }) => rowId))
      },
    }
    let merging = true
    const merged = (async () => {
      for (const minFiles of [40, 30, 2])
        await compact(0, { all: minFiles === 2 }, { settings: { ...SWEEP_AT_ONCE, minFiles } })
    })().finally(() => {
      merging = false
    })
    let reads = 0
    while (merging || reads < 3) {
      const waiting = () => Promise.resolve(0)
      expect(await verifyWeather({ storage, files: batchFiles, source, waiting })).toMatchObject({ ok: true })
      reads++
    }
    await merged
    expect(await files()).toEqual(['/data/partition-0-batch-0-to-59.parquet', '/data/partition-0-batch-59.parquet'])
  })
})

const CRASH = 'the process died here'
const LAYOUT = { replication: 1, blockBytes: 1 << 20 }

function crashAt(step: CompactionStep) {
  return (reached: CompactionStep) => {
    if (reached === step) throw new Error(CRASH)
  }
}

function compactor(partition: number, options: Partial<CompactorOptions> = {}) {
  return createCompactor({
    partition,
    storage,
    codec: parquetMergeCodec,
    clock: systemClock,
    newId: randomUUID,
    ...options,
  })
}

function compact(partition: number, how: { all: boolean }, options: Partial<CompactorOptions> = {}) {
  return compactor(partition, options).compact(how, {})
}

async function writeBatches(rows: readonly TestRow[], batches: number): Promise<void> {
  writer = batchWriter(storage, 0)
  await appendBatches(rows, batches)
}

let writer: ReturnType<typeof batchWriter>

async function appendBatches(rows: readonly TestRow[], batches: number): Promise<void> {
  const each = rows.length / batches
  for (let batch = 0; batch < batches; batch++) await writer.write(rows.slice(batch * each, batch * each + each))
}

async function visible(partition?: number) {
  const partitions = await createBatchFiles(storage).list()
  return wholeOf(partitions.filter(set => partition === undefined || set.partition === partition))
}

async function visiblePaths(): Promise<string[]> {
  return (await visible()).map(({ status }) => status.path).sort()
}

async function metas(partition: number) {
  return (await visible(partition)).map(({ meta }) => meta)
}

async function files(): Promise<string[]> {
  return (await storage.list('/data')).map(({ path }) => path).filter(path => !parseTemporaryName(nameOf(path)))
}

async function temporaries(): Promise<string[]> {
  return (await storage.list('/data')).map(({ path }) => path).filter(path => parseTemporaryName(nameOf(path)))
}

async function storedRows(partition?: number): Promise<TestRow[]> {
  const rows: TestRow[] = []
  for (const { status } of await visible(partition)) {
    const file = await openBatchFile(storage, status)
    for (const part of file.parts) rows.push(...testRowsOf(rowsOf(await file.columns(part), await file.rowIds(part))))
  }
  return rows
}

async function bytesOfFirstGroup(path: string): Promise<Uint8Array> {
  const file = await openBatchFile(storage, await storage.stat(path))
  return (await file.bytes(file.parts[0]!)).group
}

/** Numbers that are the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 8
  }
}
