import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import type { FileStatus, Storage } from '../../../src/datasources/storage.ts'
import { openBatchFile, rowsOf } from '../../../src/weather/files/openBatchFile.ts'
import { parquetBatchCodec } from '../../../src/weather/files/parquetBatchCodec.ts'
import { localCopy } from '../../setup/localCopy.ts'
import { readByHyparquet } from '../../setup/readByHyparquet.ts'
import { batchWriter, generatedRows, type TestRow, testRowsOf } from '../setup/batches.ts'

let folder: string
let storage: Storage
let number = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-codec-'))
})
beforeEach(() => {
  storage = localStorage({ folder: join(folder, String(number++)) })
})
afterAll(() => rm(folder, { recursive: true }))

const anyRow: fc.Arbitrary<TestRow> = fc.record({
  rowId: fc.nat(1_000_000),
  stationId: fc.oneof(fc.constantFrom('StationA', 'StationB', ''), fc.string({ unit: 'grapheme' })),
  date: fc.oneof(fc.constantFrom('2000-01-01', '1999-12-31'), fc.string({ unit: 'grapheme' })),
  degrees: fc.oneof(fc.double(), fc.integer().map(Number)),
})

describe('a batch as a Parquet file', () => {
  test('gives any rows back, in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { maxLength: 200 }), async rows => {
        storage = localStorage({ folder: join(folder, String(number++)) })
        const status = await batchWriter(storage, 1).write(rows)
        expect(await rowsIn(status)).toEqual(rows)
      }),
      { numRuns: 60 },
    )
  })

  test('is read by DuckDB as the three columns, text and doubles', async () => {
    const rows = generatedRows(100)
    const { path } = await batchWriter(storage, 2).write(rows)
    const copy = await localCopy(storage, path)
    try {
      const described = await copy.rows(`DESCRIBE SELECT * FROM ${copy.table}`)
      expect(described.map(([name, type]) => `${String(name)} ${String(type)}`)).toEqual([
        'station_id VARCHAR',
        'date VARCHAR',
        'degrees DOUBLE',
      ])
      expect(await copy.rows(`FROM ${copy.table}`)).toEqual(
        rows.map(({ stationId, date, degrees }) => [stationId, date, degrees]),
      )
    } finally {
      await copy.close()
    }
  })

  test('is read by hyparquet', async () => {
    const rows = generatedRows(2_000)
    const { path, length } = await batchWriter(storage, 2).write(rows)
    const file = await storage.read(path, { offset: 0, length })
    expect(await readByHyparquet(file)).toEqual(
      rows.map(({ stationId, date, degrees }) => ({ station_id: stationId, date, degrees })),
    )
  })

  test('has the same bytes whenever it is encoded', async () => {
    const [first, second] = ['first', 'second'].map(name =>
      localStorage({ folder: join(folder, `${number++}${name}`) }),
    )
    const bytes = await Promise.all(
      [first!, second!].map(async one => {
        const { path, length } = await batchWriter(one, 0).write(generatedRows(30))
        return one.read(path, { offset: 0, length })
      }),
    )
    expect(bytes[0]).toEqual(bytes[1])
  })

  test('tells of itself in one read, also where it has no rows', async () => {
    for (const rows of [generatedRows(3_000), []]) {
      const reads: number[] = []
      storage = localStorage({ folder: join(folder, String(number++)) })
      const status = await batchWriter(storage, 3).write(rows, { deadLetters: 2 })
      const counting: Storage = {
        ...storage,
        read(path, range, call) {
          reads.push(range.length)
          return storage.read(path, range, call)
        },
      }
      const read = await parquetBatchCodec.readMeta(counting, status)
      expect(read).toMatchObject({
        meta: { partition: 3, firstBatch: 0, rows: rows.length, deadLetters: 2, maxRowId: rows.at(-1)?.rowId ?? null },
      })
      expect(reads).toHaveLength(1)
    }
  })

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, -100), 'expected PAR1 at its end'],
    ['empty', () => Buffer.alloc(0), 'expected PAR1 at its end'],
    ['only its end', (bytes: Buffer) => bytes.subarray(-300), 'expected a footer of'],
    [
      'without our metadata',
      (bytes: Buffer) => renamed(bytes, 'millrace.batch', 'milldeal.batch'),
      'no batch metadata',
    ],
    ['with metadata of another shape', (bytes: Buffer) => renamed(bytes, '"epoch"', '"epoxx"'), 'of another shape'],
    [
      'with rows that do not add up',
      (bytes: Buffer) => renamed(bytes, '"rows":50,', '"rows":51,'),
      'expected 51 rows, found 50',
    ],
  ])('that is %s has a problem, in words', async (_, change, problem) => {
    const { path } = await batchWriter(storage, 0).write(generatedRows(5))
    const local = join(folder, String(number - 1), path)
    await writeFile(local, change(await readFile(local)))
    const read = await parquetBatchCodec.readMeta(storage, await storage.stat(path))
    expect('problem' in read && read.problem).toContain(problem)
  })

  test('that cannot be read is not one with a problem', async () => {
    const status = await batchWriter(storage, 0).write(generatedRows(5))
    await storage.remove(status.path)
    await expect(parquetBatchCodec.readMeta(storage, status)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

async function rowsIn(status: FileStatus): Promise<TestRow[]> {
  const file = await openBatchFile(storage, status)
  const rows: TestRow[] = []
  for (const part of file.parts) rows.push(...testRowsOf(rowsOf(await file.columns(part), await file.rowIds(part))))
  return rows
}

function renamed(bytes: Buffer, from: string, to: string): Buffer {
  const at = bytes.indexOf(from)
  expect(at).toBeGreaterThan(0)
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(to), bytes.subarray(at + from.length)])
}
