import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { temporaryName } from '../../src/datasources/publish.ts'
import { childOf } from '../../src/datasources/storagePath.ts'
import { type FolderIndex, folderIndexBytes, INDEX_NAME } from '../../src/loans/datasetFolder.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { partitionPath } from '../../src/loans/partitionFile.ts'
import { rowGroups, textBounds } from '../../src/parquet/footer.ts'
import { gatherGroups } from '../../src/parquet/gatherGroups.ts'
import { type EmbeddedLoans, embeddedLoans, loansOf } from '../setup/embeddedLoans.ts'

/** County, amounts of each of its files. */
type Counties = readonly (readonly [county: number, ...files: number[][]])[]

/** As few as DuckDB makes. */
const GROUP_ROWS = 2_048
const MANY = Array.from({ length: 2 * GROUP_ROWS + 1 }, (_, index) => 100_000 + index)
const COUNTIES: Counties = [
  [55001, [100_000, 200_001]],
  [55003, MANY, [100_000]],
  [55025, [300_000, 310_000], [320_000]],
]

let embedded: EmbeddedLoans
let folder: string
beforeEach(async () => {
  embedded = await embeddedLoans()
  folder = join(embedded.storageFolder, LOANS_PATH)
})
afterEach(() => embedded.close())

/** As Spark leaves it, but written by DuckDB. */
async function writeFolder(counties: Counties, dataset = 'made-by-the-test', place = folder): Promise<void> {
  await mkdir(place, { recursive: true })
  const index: FolderIndex = { dataset, rows: 0, counties: [] }
  for (const [county, ...files] of counties) {
    const amounts = files.flat()
    const entry: FolderIndex['counties'][number] = {
      county,
      total: [amounts.length, amounts.reduce((sum, amount) => sum + amount, 0), 0],
      files: [],
    }
    index.counties.push(entry)
    for (const [number, rows] of files.entries()) {
      const name = `${county}${number === 0 ? '' : `-${number + 1}`}.parquet`
      const bytes = await parquetOf(county, rows)
      await writeFile(join(place, name), bytes)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      entry.files.push({ name, length: bytes.length, rows: rows.length, sha256 })
    }
    index.rows += amounts.length
  }
  await writeFile(join(place, INDEX_NAME), folderIndexBytes(index))
}

async function parquetOf(county: number, amounts: readonly number[]): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'millrace-parquet-'))
  const file = join(work, 'rows.parquet')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const rows = amounts.map((amount, index) => `(${county}, ${amount}::DOUBLE, 'note ${index}')`)
  await connection.run(
    `COPY (SELECT * FROM (VALUES ${rows.join(', ')}) AS t(county_code, loan_amount, note)) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE ${GROUP_ROWS})`,
  )
  connection.closeSync()
  const bytes = await readFile(file)
  await rm(work, { recursive: true })
  return bytes
}

describe('a folder of files by county', () => {
  beforeEach(() => writeFolder(COUNTIES))

  test('has averages as a file has: from the folder first, then from partitions', async () => {
    expect(await embedded.loans.counties()).toEqual([
      { code: 55001, name: 'Adams County' },
      { code: 55003, name: 'Ashland County' },
      { code: 55025, name: 'Dane County' },
    ])
    for (const source of ['CREATE', 'REUSE'] as const) {
      expect(await embedded.average(55001)).toMatchObject({ averageLoan: 150_000, loans: 2, source })
      expect(await embedded.average(55003)).toMatchObject({ averageLoan: 102_047, loans: MANY.length + 1, source })
      expect(await embedded.average(55025)).toMatchObject({ averageLoan: 310_000, loans: 3, source })
    }
  })

  test('is asked for no more than a file once an average is cached: the listing, the status, the end of the partition', async () => {
    await embedded.average(55025)
    const { cost } = await embedded.average(55025)
    const { length } = await embedded.storage.stat(partitionPath(55025))
    expect(cost.storageRequests).toBe(3)
    expect(cost.bytesRead).toBeLessThan(length)
  })

  test('gives partitions with all rows and columns, readable by others', async () => {
    await embedded.average(55025)
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    const file = join(embedded.storageFolder, partitionPath(55025))
    const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}') ORDER BY loan_amount`)
    expect(reader.getRows()).toEqual([
      [55025, 300_000, 'note 0'],
      [55025, 310_000, 'note 1'],
      [55025, 320_000, 'note 0'],
    ])
    connection.closeSync()
  })

  test('with a changed byte in a file is lost data for that county, and right for others', async () => {
    const file = join(folder, '55025-2.parquet')
    const bytes = await readFile(file)
    await writeFile(file, bytes.with(20, bytes[20]! ^ 1))
    const [lost, right] = await embedded.loans.averagesOf([55025, 55001])
    expect(lost).toMatchObject({ code: 'DATA_LOST', hint: expect.stringContaining('migrateLoans') })
    expect(right).toMatchObject({ averageLoan: 150_000 })
  })

  test('with a changed byte in its index is lost data', async () => {
    const file = join(folder, INDEX_NAME)
    const bytes = await readFile(file)
    await writeFile(file, bytes.with(90, bytes[90]! ^ 1))
    expect((await embedded.loans.averagesOf([55001]))[0]).toMatchObject({
      code: 'DATA_LOST',
      message: expect.stringContaining('index'),
    })
  })

  test('without an index, as another program writes it, is answered from by decoding', async () => {
    await rm(join(folder, INDEX_NAME))
    expect(await embedded.average(55025)).toMatchObject({ averageLoan: 310_000, loans: 3, source: 'CREATE' })
    expect(await embedded.average(55025)).toMatchObject({ averageLoan: 310_000, loans: 3, source: 'REUSE' })
  })

  test('is replaced by a file, whose figures count from then on, and nothing is left of it', async () => {
    await embedded.average(55001)
    await embedded.fill(...loansOf([55001]))
    expect(await embedded.migrate()).toMatchObject({ state: 'SUCCEEDED' })
    expect((await embedded.storage.stat(LOANS_PATH)).kind).toBe('file')
    expect(await embedded.average(55001)).toMatchObject({ averageLoan: 170_001, source: 'RECREATE' })
    expect((await readdir(embedded.storageFolder)).sort()).toEqual(['.millrace', LOANS_PATH.slice(1), 'partitions'])
  })

  test('replaced by another while a county is cut gives the new figures, never a mixture', async () => {
    await embedded.close()
    let replace: (() => Promise<void>) | undefined
    embedded = await embeddedLoans(storage => ({
      ...storage,
      async read(path, range, call) {
        const act = path.startsWith(`${LOANS_PATH}/5`) ? replace : undefined
        replace = act ? undefined : replace
        await act?.()
        return await storage.read(path, range, call)
      },
    }))
    folder = join(embedded.storageFolder, LOANS_PATH)
    await writeFolder(COUNTIES)
    await embedded.loans.counties()
    const next = join(embedded.storageFolder, 'next')
    await writeFolder([[55025, [400_000], [500_000, 600_000]]], 'the next one', next)
    replace = async () => {
      await rename(folder, join(embedded.storageFolder, 'gone'))
      await rename(next, folder)
    }
    expect(await embedded.average(55025)).toMatchObject({ averageLoan: 500_000, loans: 3 })
    expect(await embedded.average(55025)).toMatchObject({ averageLoan: 500_000, source: 'REUSE' })
  })

  test('is found while it is aside, and put back by the next migration, should that fail later', async () => {
    await rename(
      folder,
      join(embedded.storageFolder, `.${LOANS_PATH.slice(1)}.0b8f3c52-6a0e-4a3b-8f64-1f0c4a5c9d11.aside`),
    )
    expect(await embedded.average(55001)).toMatchObject({ averageLoan: 150_000 })
    await embedded.fill('CREATE TABLE loans (nothing INTEGER)')
    expect((await embedded.migrate()).state).toBe('FAILED')
    expect((await embedded.storage.stat(LOANS_PATH)).kind).toBe('folder')
    expect(await embedded.average(55001)).toMatchObject({ averageLoan: 150_000, source: 'REUSE' })
  })
})

test('what a migration by Spark left half-written goes with the next one, of whatever kind', async () => {
  const left = `/${temporaryName(LOANS_PATH.slice(1), 'another', '0b8f3c52-6a0e-4a3b-8f64-1f0c4a5c9d11')}`
  await embedded.storage.create(childOf(left, '_written/part'), [Buffer.from('half')], {
    replication: 1,
    blockBytes: 1 << 20,
  })
  await embedded.fill(...loansOf([55001]))
  expect(await embedded.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  expect(await embedded.visibleFiles()).toEqual([LOANS_PATH.slice(1)])
})

test('Spark that is not there is refused at once, with what to do about it; AUTO does without', async () => {
  expect(() => embedded.loans.migrate('SPARK')).toThrow(
    expect.objectContaining({ code: 'BAD_USER_INPUT', hint: expect.stringContaining('MILLRACE_ENGINE_URL') }),
  )
  await embedded.fill(...loansOf([55001]))
  expect(await embedded.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  expect((await embedded.storage.stat(LOANS_PATH)).kind).toBe('file')
})

test('files of different columns are no folder of one table', async () => {
  const [one, other] = await Promise.all([parquetOf(55001, [1]), parquetOf(55001, [2])])
  const changed = Buffer.from(other)
  for (let at = changed.indexOf('note'); at >= 0; at = changed.indexOf('note', at + 1)) changed.write('nota', at)
  expect(() => gatherGroups([one, changed], ['loan_amount'])).toThrow(/one schema/)
  expect(() => gatherGroups([], ['loan_amount'])).toThrow(/at least one/)
})

test('of the statistics of files only those of the tail columns are kept', async () => {
  const file = await parquetOf(55001, MANY.slice(0, GROUP_ROWS + 1))
  const boundsWith = (tail: string) =>
    rowGroups(gatherGroups([file], [tail]).footer).map(group => textBounds(group, 'note'))
  expect(boundsWith('note')).toEqual([
    { min: 'note 0', max: 'note 999' },
    { min: 'note 2048', max: 'note 2048' },
  ])
  expect(boundsWith('loan_amount')).toEqual([undefined, undefined])
})
