import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { systemClock } from '../../src/datasources/clock.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { parseWebHdfsUrl, webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { createCompactor } from '../../src/weather/compaction/compactPartition.ts'
import { parquetMergeCodec } from '../../src/weather/compaction/parquetMergeCodec.ts'
import { type BatchFiles, createBatchFiles } from '../../src/weather/files/batchFiles.ts'
import { weatherBatches } from '../../src/weather/queries/batches.ts'
import { temperaturesQuery } from '../../src/weather/queries/temperatures.ts'
import { type SourceRowIds, verifyWeather } from '../../src/weather/queries/verify.ts'
import { windowsQuery } from '../../src/weather/queries/windows.ts'
import { readWithPyArrow } from '../setup/pyarrow.ts'
import { batchWriter, generatedRows } from '../weather/setup/batches.ts'

/** Two years of ten stations in two partitions, in small batches and one large one; the tests build on one another. */
describe('batch files on HDFS', () => {
  const root = `/weather-files-${randomUUID()}`
  const rows = generatedRows(731)
  const large = generatedRows(8_000).slice(7310, 50_000)
  let storage: Storage
  let files: BatchFiles

  beforeAll(async () => {
    storage = webHdfsStorage(parseWebHdfsUrl(inject('cluster').env.MILLRACE_STORAGE_URL! + root))
    files = createBatchFiles(storage)
    const [even, odd] = [batchWriter(storage, 0), batchWriter(storage, 1)]
    for (let start = 0; start < rows.length; start += 731) {
      const some = rows.slice(start, start + 731)
      await even.write(some.filter(({ rowId }) => rowId % 2 === 0))
      await odd.write(some.filter(({ rowId }) => rowId % 2 === 1))
    }
    await odd.write(large)
    await odd.write([])
  })
  afterAll(async () => {
    const parent = webHdfsStorage(parseWebHdfsUrl(inject('cluster').env.MILLRACE_STORAGE_URL!))
    await parent.remove(root)
    await parent.close()
    await storage.close()
  })

  test('are read by PyArrow: three columns, text and doubles', async () => {
    await expectPyArrowToSeeAll(22)
  })

  test('are proved to hold each row once, and answer questions', async () => {
    await expectRightAnswers()
  })

  test('are merged, large row groups and small, and read by PyArrow and all questions as before', async () => {
    const before = await answers()
    for (const partition of [0, 1]) {
      const options = { partition, storage, codec: parquetMergeCodec, clock: systemClock, newId: randomUUID }
      const done = await createCompactor(options).compact({ all: true }, {})
      expect(done).toMatchObject({ merged: 1, swept: 0, files: partition === 0 ? 10 : 12 })
    }
    expect((await weatherBatches(files, undefined)).map(({ path }) => path)).toEqual([
      '/data/partition-0-batch-0-to-9.parquet',
      '/data/partition-1-batch-0-to-11.parquet',
    ])
    await expectPyArrowToSeeAll(2)
    await expectRightAnswers()
    expect(await answers()).toEqual(before)
  })

  test('that were replaced are swept, also while they are asked about', async () => {
    const before = await answers()
    const settings = { keepReplacedMillis: -60_000 }
    const sweeping = [0, 1].map(partition => {
      const options = { partition, storage, codec: parquetMergeCodec, clock: systemClock, newId: randomUUID, settings }
      return createCompactor(options).compact({ all: true }, {})
    })
    expect(await answers()).toEqual(before)
    expect(await Promise.all(sweeping)).toMatchObject([{ swept: 9 }, { swept: 11 }])
    expect(await storage.list('/data')).toHaveLength(4)
    await expectRightAnswers()
  })

  async function expectPyArrowToSeeAll(count: number): Promise<void> {
    const batches = await weatherBatches(files, undefined)
    expect(batches).toHaveLength(count)
    const seen = await readWithPyArrow(
      storage,
      batches.map(({ path }) => path),
    )
    expect(new Set(seen.columns.map(columns => columns.join(', ')))).toEqual(
      new Set(['station_id string, date string, degrees double']),
    )
    expect(seen.rows).toEqual(batches.map(batch => batch.rows))
    expect([seen.first, seen.last]).toEqual([rows[0]!.date, large.at(-1)!.date])
    for (const [station, { rows: count, degrees }] of Object.entries(seen.stations)) {
      const own = [...rows, ...large].filter(({ stationId }) => stationId === station)
      expect([station, count]).toEqual([station, own.length])
      expect(degrees).toBeCloseTo(
        own.reduce((sum, row) => sum + row.degrees, 0),
        4,
      )
    }
  }

  async function expectRightAnswers(): Promise<void> {
    const ids = [...rows, ...large].map(({ rowId }) => rowId)
    const source: SourceRowIds = {
      last: () => Promise.resolve(ids.at(-1)!),
      async *all() {
        yield await Promise.resolve(ids)
      },
    }
    const waiting = () => Promise.resolve(0)
    expect(await verifyWeather({ storage, files, source, waiting })).toMatchObject({
      ok: true,
      sourceRows: 50_000,
      storedRows: 50_000,
      firstProblem: null,
    })
  }

  async function answers() {
    const all = { stationId: undefined, from: undefined, to: undefined }
    const page = await temperaturesQuery(storage, files)({ ...all, from: '2000-02-28', first: 25, after: undefined })
    const years = await windowsQuery(storage, files)({ ...all, window: 'YEAR' })
    return { page, years: years.map(({ start, count, min, max }) => ({ start, count, min, max })) }
  }
})
