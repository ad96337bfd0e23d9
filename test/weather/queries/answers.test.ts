import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import { type BatchFiles, createBatchFiles } from '../../../src/weather/files/batchFiles.ts'
import { temperaturesQuery } from '../../../src/weather/queries/temperatures.ts'
import { windowsQuery } from '../../../src/weather/queries/windows.ts'
import type { TemperatureRange, WindowSize } from '../../../src/weather/weather.ts'
import { batchWriter, dateOf, generatedRows, type TestRow } from '../setup/batches.ts'
import { type CountingStorage, countingStorage } from '../setup/countingStorage.ts'

let folder: string
let storage: CountingStorage
let files: BatchFiles
let number = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-answers-'))
})
beforeEach(() => freshStorage())
afterAll(() => rm(folder, { recursive: true }))

const ALL: TemperatureRange = { stationId: undefined, from: undefined, to: undefined }

const anyDay = fc.integer({ min: -40, max: 900 }).map(dateOf)
const anyStation = fc.constantFrom('StationA', 'StationB', 'StationC')
const anyRow = fc.record({
  rowId: fc.nat(),
  stationId: anyStation,
  date: anyDay,
  // Whose sums are exact in any order.
  degrees: fc.integer({ min: -500, max: 500 }).map(quarters => quarters / 4),
})
const anyRange = fc.record({
  stationId: fc.option(anyStation, { nil: undefined }),
  from: fc.option(anyDay, { nil: undefined }),
  to: fc.option(anyDay, { nil: undefined }),
})
/** Partitions of batches of rows. */
const anyRows = fc.array(fc.array(fc.array(anyRow, { maxLength: 30 }), { maxLength: 4 }), { maxLength: 3 })

describe('temperatures', () => {
  test('are all rows asked for, in order, each once, whatever the size of the pages', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, anyRange, fc.integer({ min: 1, max: 20 }), async (partitions, range, first) => {
        freshStorage()
        const rows = await write(partitions)
        const query = temperaturesQuery(storage, files)
        const found = []
        for (let after: string | undefined; ; ) {
          const page = await query({ ...range, first, after })
          found.push(...page.nodes)
          expect(page.nodes.length === first || !page.hasNextPage).toBe(true)
          if (!page.hasNextPage) break
          after = page.endCursor!
        }
        const byPlace = (a: TestRow, b: TestRow) => compare(a.date, b.date) || compare(a.stationId, b.stationId)
        expect(found).toEqual(rows.filter(inRange(range)).sort(byPlace).map(shown))
      }),
      { numRuns: 60 },
    )
  })

  test('of some days read only the files that have them, and a page that was near the last one reads nothing', async () => {
    const writer = batchWriter(storage, 0)
    const rows = generatedRows(100)
    for (let day = 0; day < 100; day += 10) await writer.write(rows.slice(day * 10, day * 10 + 100))
    await files.list()
    storage.takeReads()
    const query = temperaturesQuery(storage, files)
    const first = await query({ ...ALL, from: dateOf(55), to: dateOf(58), first: 15, after: undefined })
    expect(first.nodes.map(({ date }) => date)).toEqual([...Array(10).fill(dateOf(55)), ...Array(5).fill(dateOf(56))])
    expect(storage.takeReads()).toEqual(['/data/partition-0-batch-5.parquet'])
    const second = await query({ ...ALL, from: dateOf(55), to: dateOf(58), first: 100, after: first.endCursor! })
    expect(second.nodes).toHaveLength(25)
    expect(second.hasNextPage).toBe(false)
    expect(storage.takeReads()).toEqual([])
  })

  test('stop reading at the end of the page', async () => {
    const writer = batchWriter(storage, 0)
    const rows = generatedRows(100)
    for (let day = 0; day < 100; day += 10) await writer.write(rows.slice(day * 10, day * 10 + 100))
    await files.list()
    storage.takeReads()
    await temperaturesQuery(storage, files)({ ...ALL, first: 20, after: undefined })
    expect(storage.takeReads()).toEqual(['/data/partition-0-batch-0.parquet'])
  })

  test('go on at the same row after its file was merged', async () => {
    const rows = generatedRows(6)
    const writer = batchWriter(storage, 2)
    for (let start = 0; start < 60; start += 20) await writer.write(rows.slice(start, start + 20))
    const query = temperaturesQuery(storage, files)
    const { endCursor } = await query({ ...ALL, first: 33, after: undefined })
    await batchWriter(storage, 2).write(rows.slice(0, 60), { lastBatch: 2 })
    const { nodes } = await query({ ...ALL, first: 100, after: endCursor! })
    expect(nodes).toEqual(rows.slice(33, 60).map(shown))
    expect(storage.takeReads().at(-1)).toBe('/data/partition-2-batch-0-to-2.parquet')
  })

  test.each(['', 'nonsense', 'W10', Buffer.from('["2000-01-01","A",-1,0]').toString('base64url')])(
    'refuse the cursor %j',
    async after => {
      await expect(temperaturesQuery(storage, files)({ ...ALL, first: 1, after })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        hint: expect.stringContaining('Leave "after" out') as string,
      })
    },
  )

  test('are not told where a batch is missing', async () => {
    const writer = batchWriter(storage, 0)
    for (const start of [0, 10, 20]) await writer.write(generatedRows(3).slice(start, start + 10))
    await storage.remove('/data/partition-0-batch-1.parquet')
    const query = temperaturesQuery(storage, files)
    await expect(query({ ...ALL, first: 1, after: undefined })).rejects.toMatchObject({ code: 'DATA_LOST' })
  })
})

describe('windows', () => {
  test('hold count, least, most and mean of the rows in each, as counted one by one', async () => {
    const anySize = fc.constantFrom<WindowSize>('DAY', 'WEEK', 'MONTH', 'YEAR')
    await fc.assert(
      fc.asyncProperty(anyRows, anyRange, anySize, async (partitions, range, window) => {
        freshStorage()
        const rows = await write(partitions)
        const query = windowsQuery(storage, files)
        const windows = await query({ ...range, window })
        expect(windows).toEqual(windowsByHand(rows.filter(inRange(range)), window, range.stationId))
        storage.takeReads()
        expect(await query({ ...range, window })).toEqual(windows)
        expect(storage.takeReads()).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test('of ten years cost one read for each file not seen before, and hardly anything when all were', async () => {
    const writer = batchWriter(storage, 1)
    const rows = generatedRows(3653)
    for (let start = 0; start < rows.length; start += 9_000) await writer.write(rows.slice(start, start + 9_000))
    await files.list()
    storage.takeReads()
    const query = windowsQuery(storage, files)
    expect((await query({ ...ALL, window: 'YEAR' })).map(({ start, count }) => [start, count])).toEqual(
      Array.from({ length: 10 }, (_, year) => [`200${year}-01-01`, year % 4 === 0 ? 3660 : 3650]),
    )
    expect(storage.takeReads()).toHaveLength(5)
    const more = generatedRows(3660).slice(rows.length)
    await writer.write(more)
    await query({ ...ALL, window: 'YEAR' })
    // Its end for the list, then the whole.
    expect(storage.takeReads()).toEqual(Array(2).fill('/data/partition-1-batch-5.parquet'))
    await query({ ...ALL, window: 'MONTH', stationId: 'StationC' })
    expect(storage.takeReads()).toEqual([])
  })
})

function windowsByHand(rows: readonly TestRow[], size: WindowSize, stationId: string | undefined) {
  const groups = Map.groupBy(rows, ({ date }) => startOf(date, size))
  return [...groups]
    .sort(([a], [b]) => compare(a, b))
    .map(([start, group]) => {
      const values = group.map(({ degrees }) => degrees)
      return {
        start,
        end: endOf(start, size),
        stationId: stationId ?? null,
        count: group.length,
        min: Math.min(...values),
        max: Math.max(...values),
        mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      }
    })
}

function startOf(date: string, size: WindowSize): string {
  if (size === 'YEAR') return `${date.slice(0, 4)}-01-01`
  if (size === 'MONTH') return `${date.slice(0, 7)}-01`
  if (size === 'DAY') return date
  const sinceMonday = (new Date(date).getUTCDay() + 6) % 7
  return plusDays(date, -sinceMonday)
}

function endOf(start: string, size: WindowSize): string {
  if (size === 'YEAR') return `${start.slice(0, 4)}-12-31`
  if (size === 'DAY') return start
  if (size === 'WEEK') return plusDays(start, 6)
  return plusDays(startOf(plusDays(start, 31), 'MONTH'), -1)
}

function plusDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10)
}

function inRange({ stationId, from, to }: TemperatureRange) {
  return (row: TestRow) =>
    (stationId === undefined || row.stationId === stationId) &&
    (from === undefined || row.date >= from) &&
    (to === undefined || row.date <= to)
}

function shown({ stationId, date, degrees }: TestRow) {
  return { stationId, date, degrees }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** Each partition's batches; returns all rows, by partition. */
async function write(partitions: readonly TestRow[][][]): Promise<TestRow[]> {
  for (const [partition, batches] of partitions.entries()) {
    const writer = batchWriter(storage, partition)
    for (const rows of batches) await writer.write(rows)
  }
  return partitions.flat(2)
}

function freshStorage(): void {
  storage = countingStorage(localStorage({ folder: join(folder, String(number++)) }))
  files = createBatchFiles(storage)
}
