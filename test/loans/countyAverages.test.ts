import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Storage } from '../../src/datasources/storage.ts'
import { MillraceError } from '../../src/errors.ts'
import type { CountyAverage } from '../../src/loans/loans.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { partitionPath } from '../../src/loans/partitionFile.ts'
import { type EmbeddedLoans, embeddedLoans, loansOf } from '../setup/embeddedLoans.ts'

const COUNTIES = [55001, 55003, 55025, 55141]

/** What reached the storage, and what it should refuse. */
let calls: { operation: string; path: string; bytes: number }[]
let refuse: ((operation: string, path: string) => Error | undefined) | undefined
let embedded: EmbeddedLoans

beforeEach(async () => {
  calls = []
  refuse = undefined
  embedded = await embeddedLoans(watched)
})
afterEach(() => embedded.close())

test('the first question creates the partition, the second reuses it', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  expect(await embedded.average(55025)).toMatchObject({
    averageLoan: 170_025,
    loans: 3,
    source: 'CREATE',
    warning: null,
  })
  expect(await embedded.average(55025)).toMatchObject({ averageLoan: 170_025, loans: 3, source: 'REUSE' })
})

test('a second migration makes every partition again, with the new figures', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  await embedded.average(55001)
  await embedded.fill(...loansOf(COUNTIES, 5))
  await embedded.migrate()
  expect(await embedded.average(55001)).toMatchObject({ averageLoan: 180_001, loans: 5, source: 'RECREATE' })
  expect(await embedded.average(55001)).toMatchObject({ averageLoan: 180_001, source: 'REUSE' })
})

test('a partition that was deleted is created again', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  await embedded.average(55001)
  await rm(fileOf(55001))
  expect((await embedded.average(55001)).source).toBe('CREATE')
})

test('a partition with any one byte changed, or cut off anywhere, is recreated with the same average, and reused afterwards', async () => {
  await embedded.fill(...loansOf([55001]))
  await embedded.migrate()
  const whole = await embedded.average(55001)
  const bytes = await readFile(fileOf(55001))
  const breaks: ((at: number) => Promise<void>)[] = [
    at => writeFile(fileOf(55001), bytes.with(at, bytes[at]! ^ 0x40)),
    at => truncate(fileOf(55001), at),
  ]
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.constantFrom(...breaks), async (at, breakAt) => {
      await breakAt(at)
      expect(await embedded.average(55001)).toMatchObject({ averageLoan: whole.averageLoan, source: 'RECREATE' })
      expect(await embedded.average(55001)).toMatchObject({ averageLoan: whole.averageLoan, source: 'REUSE' })
    }),
    { numRuns: 150 },
  )
})

test("another county's partition in its place is recreated", async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  await embedded.loans.averagesOf([55001, 55003])
  await writeFile(fileOf(55001), await readFile(fileOf(55003)))
  expect(await embedded.average(55001)).toMatchObject({ averageLoan: 170_001, source: 'RECREATE' })
})

test('all counties uncached are one listing and one pass over the main file; cached, one listing and one read each', async () => {
  const many = Array.from({ length: 72 }, (_, index) => 55001 + 2 * index)
  await embedded.fill(...loansOf(many))
  await embedded.migrate()
  const { length } = await embedded.storage.stat(LOANS_PATH)

  calls = []
  const created = await averages(many)
  expect(created.every(({ source }) => source === 'CREATE')).toBe(true)
  expect(operations('list')).toHaveLength(1)
  const mainReads = operations('read').filter(({ path }) => path === LOANS_PATH)
  expect(mainReads.length).toBe(2) // the footer, once, and all counties, which lie side by side
  expect(sum(mainReads.map(({ bytes }) => bytes))).toBeLessThan(2 * length)
  expect(sum(created.map(({ cost }) => cost.bytesRead))).toBe(sum(calls.map(({ bytes }) => bytes)))

  calls = []
  const reused = await averages(many)
  expect(reused.every(({ source }) => source === 'REUSE')).toBe(true)
  expect(operations('list')).toHaveLength(1)
  expect(operations('read')).toHaveLength(72)
  expect(operations('stat')).toHaveLength(1)
  expect(calls).toHaveLength(74)
  expect(reused.map(({ averageLoan }) => averageLoan)).toEqual(created.map(({ averageLoan }) => averageLoan))
})

test('once a partition was checked whole, only its end is read', async () => {
  const wide = "UPDATE loans SET note = array_to_string(list_transform(range(50), i -> md5(note || i)), '')"
  await embedded.fill(...loansOf([55001], 60), wide)
  await embedded.migrate()
  const { cost: created } = await embedded.average(55001)
  const { length } = await embedded.storage.stat(partitionPath(55001))
  const { cost: reused } = await embedded.average(55001)
  expect(created.bytesRead).toBeGreaterThan(length / 2)
  expect(reused.bytesRead).toBeLessThan(length / 10)
})

test('fifty questions at once for one uncached county make one partition', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  calls = []
  const answers = await Promise.all(Array.from({ length: 50 }, () => embedded.average(55003)))
  expect(new Set(answers.map(({ averageLoan }) => averageLoan))).toEqual(new Set([170_003]))
  expect(operations('create')).toHaveLength(1)
})

test('a partition that cannot be written costs a warning, and the next question tries again', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  refuse = operation => (operation === 'create' ? new MillraceError('FORBIDDEN', 'the disk is read-only') : undefined)
  const answer = await embedded.average(55003)
  expect(answer).toMatchObject({ averageLoan: 170_003, source: 'CREATE' })
  expect(answer.warning).toContain('the disk is read-only')
  refuse = undefined
  expect(await embedded.average(55003)).toMatchObject({ source: 'CREATE', warning: null })
})

test('a storage that does not answer is the answer to each county, and no partition is blamed', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  await embedded.average(55001)
  refuse = operation => (operation === 'read' ? new MillraceError('UNAVAILABLE', 'no answer within 3 s') : undefined)
  const answers = await embedded.loans.averagesOf([55001, 55003])
  expect(answers.map(answer => (answer as MillraceError).code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  refuse = undefined
  expect((await embedded.average(55001)).source).toBe('REUSE')
})

test('a migration published while a county is being cut gives the new figures, never a mixture', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  await embedded.loans.counties()
  await embedded.fill(...loansOf(COUNTIES, 5))
  let migrated = false
  // Between the look at the main file and the read of the county's bytes.
  beforeRead = async path => {
    if (path !== LOANS_PATH || migrated) return
    migrated = true
    await embedded.migrate()
  }
  expect(await embedded.average(55025)).toMatchObject({ averageLoan: 180_025, loans: 5 })
  beforeRead = undefined
  expect(await embedded.average(55025)).toMatchObject({ averageLoan: 180_025, source: 'REUSE' })
})

test('a garbled main file is lost data, not a wrong average', async () => {
  await embedded.fill(...loansOf([55001]))
  await embedded.migrate()
  await embedded.loans.counties()
  const file = join(embedded.storageFolder, LOANS_PATH)
  const bytes = await readFile(file)
  await writeFile(file, bytes.with(40, bytes[40]! ^ 1))
  const [answer] = await embedded.loans.averagesOf([55001])
  expect(answer).toMatchObject({ code: 'DATA_LOST', hint: expect.stringContaining('migrateLoans') })
})

test('each county has its own answer: what is unknown is NOT_FOUND, the rest is right', async () => {
  await embedded.fill(...loansOf(COUNTIES))
  await embedded.migrate()
  const [unknown, known, again] = await embedded.loans.averagesOf([55999, 55001, 55001])
  expect(unknown).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('55999') })
  expect(known).toMatchObject({ averageLoan: 170_001 })
  expect(again).toEqual(known)
})

test('before the first migration every question says so', async () => {
  const [answer] = await embedded.loans.averagesOf([55001])
  expect(answer).toMatchObject({ code: 'NOT_MIGRATED', hint: expect.stringContaining('migrateLoans') })
  await expect(embedded.loans.counties()).rejects.toMatchObject({ code: 'NOT_MIGRATED' })
})

test.each(['BIGINT', 'VARCHAR', 'DECIMAL(9,1)', 'INTEGER'])('county codes may be of type %s', async type => {
  await embedded.fill(...loansOf(COUNTIES, 3, 'INTEGER'), `ALTER TABLE loans ALTER county_code TYPE ${type}`)
  await embedded.migrate()
  expect(await embedded.loans.counties()).toHaveLength(4)
  expect(await embedded.average(55141)).toMatchObject({ averageLoan: 170_141, source: 'CREATE' })
})

test.each(['DECIMAL(18,4)', 'BIGINT', 'FLOAT', 'UINTEGER'])('amounts may be of type %s', async type => {
  await embedded.fill(...loansOf(COUNTIES), `ALTER TABLE loans ALTER loan_amount TYPE ${type}`)
  await embedded.migrate()
  expect(await embedded.average(55141)).toMatchObject({ averageLoan: 170_141, loans: 3, source: 'CREATE' })
  expect(await embedded.average(55141)).toMatchObject({ averageLoan: 170_141, loans: 3, source: 'REUSE' })
})

test('a mean is rounded down, exactly, also for decimals', async () => {
  await embedded.fill(
    ...loansOf([55001], 0),
    'ALTER TABLE loans ALTER loan_amount TYPE DECIMAL(20,4)',
    "INSERT INTO loans VALUES (55001, 1, 100000.9999, 'a'), (55001, 1, 100001.9999, 'b'), (55001, 1, 100001.0001, 'c')",
  )
  await embedded.migrate()
  expect((await embedded.average(55001)).averageLoan).toBe(100_001)
})

test('a main file of another program, without our index, is answered from by decoding', async () => {
  await embedded.storage.create(LOANS_PATH, [await parquetOfDuckDb()], { replication: 1, blockBytes: 1 << 20 })
  expect(await embedded.loans.counties()).toEqual([
    { code: 55001, name: 'Adams County' },
    { code: 55025, name: 'Dane County' },
  ])
  expect(await embedded.average(55025)).toMatchObject({ averageLoan: 250_000, loans: 2, source: 'CREATE' })
  expect(await embedded.average(55025)).toMatchObject({ averageLoan: 250_000, loans: 2, source: 'REUSE' })
  const [unknown] = await embedded.loans.averagesOf([55003])
  expect(unknown).toMatchObject({ code: 'NOT_FOUND' })
})

let beforeRead: ((path: string) => Promise<void>) | undefined

function watched(storage: Storage): Storage {
  const called = (operation: string, path: string, bytes = 0) => {
    const error = refuse?.(operation, path)
    if (error) throw error
    calls.push({ operation, path, bytes })
  }
  return {
    ...storage,
    async stat(path, call) {
      called('stat', path)
      return storage.stat(path, call)
    },
    async list(folder, call) {
      called('list', folder)
      return storage.list(folder, call)
    },
    async read(path, range, call) {
      await beforeRead?.(path)
      called('read', path, range.length)
      return storage.read(path, range, call)
    },
    async create(path, content, layout, call) {
      called('create', path)
      return storage.create(path, content, layout, call)
    },
  }
}

function operations(operation: string) {
  return calls.filter(call => call.operation === operation)
}

async function averages(counties: readonly number[]): Promise<CountyAverage[]> {
  const answers = await embedded.loans.averagesOf(counties)
  return answers.map(answer => {
    if (answer instanceof Error) throw answer
    return answer
  })
}

function fileOf(county: number): string {
  return join(embedded.storageFolder, partitionPath(county))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

async function parquetOfDuckDb(): Promise<Uint8Array> {
  const file = join(embedded.storageFolder, '..', 'foreign.parquet')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(
    `COPY (SELECT * FROM (VALUES (55025.0, 200000.0, 'a'), (55025.0, 300000.0, NULL), (55001.0, 100000.0, 'c'), (NULL, 1.0, 'd'))
       AS t(county_code, loan_amount, note)) TO '${file}' (FORMAT parquet)`,
  )
  connection.closeSync()
  return readFile(file)
}
