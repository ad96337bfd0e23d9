import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import { createBatchFiles } from '../../../src/weather/files/batchFiles.ts'
import { type SourceRowIds, type Verification, verifyWeather } from '../../../src/weather/queries/verify.ts'
import { NO_ROW_ID } from '../../../src/weather/sink/batchCodec.ts'
import { batchWriter, generatedRows, type TestRow } from '../setup/batches.ts'
import { type CountingStorage, countingStorage } from '../setup/countingStorage.ts'

let folder: string
let storage: CountingStorage
let number = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-verify-'))
})
beforeEach(() => freshStorage())
afterAll(() => rm(folder, { recursive: true }))

describe('a verification', () => {
  test('of nothing is right', async () => {
    expect(await verify([])).toMatchObject({ ok: true, sourceRows: 0, storedRows: 0, firstProblem: null })
  })

  test('counts what is missing and doubled, for any rows in any files', async () => {
    const anyId = fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 3_000_000 }),
      fc.integer({ min: 2 ** 40, max: 2 ** 40 + 9 }),
    )
    const anySource = fc.uniqueArray(anyId, { maxLength: 40 })
    const anyStored = fc.array(fc.array(fc.array(anyId, { maxLength: 15 }), { maxLength: 3 }), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(anySource, anyStored, fc.boolean(), async (source, extra, withAll) => {
        freshStorage()
        const sorted = source.toSorted((a, b) => a - b)
        const partitions = withAll ? [[sorted], ...extra] : extra
        await write(partitions)
        const stored = partitions.flat(2)
        const distinct = new Set(stored)
        const missing = source.filter(id => !distinct.has(id)).length
        const right = [...distinct].filter(id => source.includes(id)).length
        const found = await verify(sorted)
        expect(found).toMatchObject({
          sourceRows: source.length,
          storedRows: stored.length,
          missing,
          duplicated: stored.length - right,
          ok: missing === 0 && stored.length === right,
        })
        expect(found.firstProblem === null).toBe(found.ok)
      }),
      { numRuns: 80 },
    )
  })

  test('says what waits where a row is missing', async () => {
    await write([[[1, 2], [4]]])
    expect(await verify([1, 2, 3, 4, 5], { waiting: 1 })).toMatchObject({
      ok: false,
      missing: 2,
      firstProblem: 'Row 3 of the source and 1 other are in no file. Waiting in the log: 1 record.',
    })
  })

  test('names the files of a row that is stored twice', async () => {
    await write([
      [
        [1, 2],
        [2, 3],
      ],
    ])
    expect(await verify([1, 2, 3])).toMatchObject({
      ok: false,
      missing: 0,
      duplicated: 1,
      firstProblem:
        'Row 2 of the source is stored 2 times, in /data/partition-0-batch-0.parquet and /data/partition-0-batch-1.parquet.',
    })
  })

  test('names the file of a row that the source does not have', async () => {
    await write([[[1, 7]]])
    expect(await verify([1])).toMatchObject({
      duplicated: 1,
      firstProblem: 'Row 7 is stored in /data/partition-0-batch-0.parquet, but the source has no such row.',
    })
  })

  test('cannot prove anything about rows without ids, and says so', async () => {
    await write([[[1, NO_ROW_ID, NO_ROW_ID], [2]], [[NO_ROW_ID]]])
    expect(await verify([1, 2])).toMatchObject({
      ok: false,
      storedRows: 5,
      missing: 0,
      duplicated: 3,
      withoutId: 3,
      firstProblem: expect.stringMatching(/^3 stored rows came from a producer that gives them no id/) as string,
    })
  })

  test('does not miss rows that came to the source while it ran', async () => {
    await write([[[1, 2, 3, 5]]])
    expect(await verify([1, 2, 3, 4, 5], { last: 3 })).toMatchObject({ ok: true, sourceRows: 4, storedRows: 4 })
  })

  test('tells of lost records and dead letters', async () => {
    const writer = batchWriter(storage, 0)
    await writer.write(rowsWith([1, 2]), {
      deadLetters: 1,
      totals: { rows: 2, doubles: 0, deadLetters: 1, lostRecords: 4, maxRowId: 2 },
    })
    expect(await verify([1, 2, 3])).toMatchObject({
      deadLetters: 1,
      lostRecords: 4,
      firstProblem:
        'Row 3 of the source is in no file. The log had dropped 4 records before they were read. Kept in /dead-letters: 1 record. No record waits in the log.',
    })
    expect(await verify([1, 2])).toMatchObject({ ok: true, deadLetters: 1, lostRecords: 4 })
  })

  test('tells of a missing file, and of one that is damaged', async () => {
    await write([[[1], [2], [3]]])
    await storage.remove('/data/partition-0-batch-1.parquet')
    expect(await verify([1, 2, 3])).toMatchObject({
      missing: 1,
      firstProblem: expect.stringMatching(/^Row 2 .* no file in \/data that holds batch 1, although/) as string,
    })
    const path = join(folder, String(number - 1), 'data/partition-0-batch-2.parquet')
    await writeFile(path, (await readFile(path)).subarray(0, -1))
    expect(await verify([1, 2, 3])).toMatchObject({
      missing: 2,
      firstProblem: expect.stringContaining('partition-0-batch-2.parquet is damaged') as string,
    })
  })

  test('tells of files whose offsets do not follow on', async () => {
    const writer = batchWriter(storage, 0)
    await writer.write(rowsWith([1, 2]))
    await writer.write(rowsWith([3]), { firstOffset: 5, endOffset: 6 })
    expect(await verify([1, 2, 3])).toMatchObject({
      ok: false,
      missing: 0,
      duplicated: 0,
      firstProblem: '/data/partition-0-batch-1.parquet begins at offset 5, but the files before it end at 2.',
    })
  })

  test('reads each file once, however many rows there are', async () => {
    const ids = Array.from({ length: 900_000 }, (_, index) => index + 1)
    await write(
      [0, 1, 2].map(partition => {
        const own = ids.filter(id => id % 3 === partition)
        return [own.slice(0, 150_000), own.slice(150_000)]
      }),
    )
    expect(await verify(ids)).toMatchObject({ ok: true, sourceRows: 900_000, storedRows: 900_000 })
    // The end of each for the list, then its ids.
    expect(storage.takeReads().filter(path => path.endsWith('batch-0.parquet'))).toHaveLength(3 * 2)
  })
})

async function verify(
  ids: readonly number[],
  { last = ids.at(-1) ?? 0, waiting = 0 }: { last?: number; waiting?: number } = {},
): Promise<Verification> {
  const source: SourceRowIds = {
    last: () => Promise.resolve(last),
    async *all() {
      for (let start = 0; start < ids.length; start += 1_000)
        yield await Promise.resolve(ids.slice(start, start + 1_000))
    },
  }
  return verifyWeather({ storage, files: createBatchFiles(storage), source, waiting: () => Promise.resolve(waiting) })
}

/** Ids by partition and batch. */
async function write(partitions: readonly number[][][]): Promise<void> {
  for (const [partition, batches] of partitions.entries()) {
    const writer = batchWriter(storage, partition)
    for (const ids of batches) await writer.write(rowsWith(ids))
  }
}

const [sample] = generatedRows(1)

function rowsWith(ids: readonly number[]): TestRow[] {
  return ids.map(rowId => ({ ...sample!, rowId }))
}

function freshStorage(): void {
  storage = countingStorage(localStorage({ folder: join(folder, String(number++)) }))
}
