import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WISCONSIN_COUNTIES } from '../../../src/loans/countyNames.ts'
import { createSample, type SampleProgress } from '../../../src/loans/sample/createSample.ts'
import { LOAN_COLUMNS } from '../../../src/loans/sample/schema.ts'

/** Making a sample takes seconds, on a busy machine many. */
const SLOW = { timeout: 180_000 }

/** Sum of the rows' hashes. It changes with any value of any row, so change it only with the sample. */
const FINGERPRINT = '4122988467691288428462986'

let folder: string
let file: string
const told: SampleProgress[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-sample-'))
  file = join(folder, 'two-threads.duckdb')
  await createSample({ file, threads: 2, onProgress: progress => told.push(progress) })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The rows of a question about a sample. */
async function ask(sql: string, sample = file): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(sample, { access_mode: 'READ_ONLY' })
  const connection = await instance.connect()
  const rows = (await connection.runAndReadAll(sql)).getRowsJson()
  connection.closeSync()
  instance.closeSync()
  return rows
}
const fingerprint = async (sample: string) =>
  (await ask('SELECT CAST(sum(hash(CAST(loans AS VARCHAR))) AS VARCHAR) FROM loans', sample))[0]![0]

describe('the sample', () => {
  test('has the same rows whatever the number of threads', SLOW, async () => {
    const single = join(folder, 'one-thread.duckdb')
    await createSample({ file: single, threads: 1 })
    expect(await fingerprint(file)).toBe(FINGERPRINT)
    expect(await fingerprint(single)).toBe(FINGERPRINT)
  })

  test('has as many loans as HMDA, and as many in range', async () => {
    expect(
      await ask(`SELECT CAST(count(*) AS INT), CAST(count(*) FILTER (loan_amount > 30000 AND loan_amount < 800000) AS INT)
        FROM loans JOIN loan_types ON loan_type_id = id`),
    ).toEqual([[447_367, 426_716]])
  })

  test('has the columns of the HMDA table, in their order', async () => {
    const columns = await ask("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'loans'")
    expect(columns).toHaveLength(99)
    expect(columns).toEqual(LOAN_COLUMNS.map(([name, type]) => [name, type === 'TEXT' ? 'VARCHAR' : type]))
  })

  test('has the four loan types, all of them used', async () => {
    expect(await ask('SELECT CAST(id AS INT), loan_type_name FROM loan_types ORDER BY id')).toEqual([
      [1, 'Conventional'],
      [2, 'FHA'],
      [3, 'VA'],
      [4, 'FSA/RHS'],
    ])
    expect(await ask('SELECT DISTINCT CAST(loan_type_id AS INT) FROM loans ORDER BY 1')).toEqual([[1], [2], [3], [4]])
  })

  test('has amounts at the midpoints of 10,000 dollars, also just outside the range', async () => {
    expect(
      await ask('SELECT count(*)::INT FROM loans WHERE loan_amount % 10000 <> 5000 OR loan_amount IS NULL'),
    ).toEqual([[0]])
    const [amounts] = await ask('SELECT list(DISTINCT loan_amount ORDER BY loan_amount) FROM loans')
    expect(amounts![0]).toEqual(expect.arrayContaining([5_000, 25_000, 35_000, 795_000, 805_000]))
  })

  test('has every county of Wisconsin, as its people are spread, and some loans of unknown county', async () => {
    const rows = await ask(
      'SELECT CAST(county_code AS INT), CAST(count(*) AS INT) FROM loans WHERE county_code IS NOT NULL GROUP BY 1 ORDER BY 1',
    )
    expect(rows.map(row => row[0])).toEqual(WISCONSIN_COUNTIES.map(({ code }) => code))
    const people = WISCONSIN_COUNTIES.reduce((sum, { population }) => sum + population, 0)
    const loans = rows.reduce((sum, row) => sum + Number(row[1]), 0)
    for (const [index, { population }] of WISCONSIN_COUNTIES.entries()) {
      const expected = (loans * population) / people
      // Four standard deviations of a lottery, and what rounding to slots takes.
      expect(Math.abs(Number(rows[index]![1]) - expected)).toBeLessThan(4 * Math.sqrt(expected) + 10)
    }
    const unknown = 447_367 - loans
    expect(unknown).toBeGreaterThan(447_367 * 0.004)
    expect(unknown).toBeLessThan(447_367 * 0.006)
  })

  test('has Exempt and NULL among the numbers that are kept as text', async () => {
    const columns = ['loan_to_value_ratio', 'interest_rate', 'rate_spread', 'property_value', 'debt_to_income_ratio']
    for (const column of columns) {
      const [row] = await ask(
        `SELECT count(*) FILTER (${column} = 'Exempt') > 0, count(*) FILTER (${column} IS NULL) > 0,
           count(*) FILTER (TRY_CAST(${column} AS DOUBLE) IS NOT NULL) > 100000 FROM loans`,
      )
      expect(row, column).toEqual([true, true, true])
    }
  })

  test('has census tracts that lie in the county', async () => {
    expect(
      await ask('SELECT count(*)::INT FROM loans WHERE floor(census_tract / 1000000) IS DISTINCT FROM county_code'),
    ).toEqual([[0]])
  })

  test('differs with the seed', SLOW, async () => {
    const other = join(folder, 'other-seed.duckdb')
    await createSample({ file: other, seed: 1 })
    expect(await fingerprint(other)).not.toBe(FINGERPRINT)
    expect(
      await ask('SELECT CAST(count(*) FILTER (loan_amount > 30000 AND loan_amount < 800000) AS INT) FROM loans', other),
    ).toEqual([[426_716]])
  })
})

describe('making the sample', () => {
  test('tells how far it is', () => {
    const done = told.map(progress => progress.done)
    expect(done).toEqual(done.toSorted((one, other) => one - other))
    expect(told.at(-1)).toEqual({ done: 447_367, total: 447_367 })
  })

  test('that is ended by a signal leaves nothing behind, and what was there before', async () => {
    const place = join(folder, 'interrupted')
    await mkdir(place)
    const before = join(place, 'sample.duckdb')
    await writeFile(before, 'an older sample')
    const stop = new AbortController()
    const reason = new Error('enough')
    const making = createSample({ file: before, signal: stop.signal, onProgress: () => stop.abort(reason) })
    await expect(making).rejects.toBe(reason)
    expect(await readdir(place)).toEqual(['sample.duckdb'])
    expect(await readFile(before, 'utf8')).toBe('an older sample')
  })
})
