import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CITIZEN_COLUMNS } from '../../../src/warehouse/citizenColumns.ts'
import { createCitizens } from '../../../src/warehouse/sample/createCitizens.ts'
import { duckdbReferenceTables } from '../../../src/warehouse/sample/referenceTables.ts'

/** Changes with any byte, so change it only with the sample. */
const DIGEST = '515a'
const ROWS = 20_000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-citizens-'))
  for (const date of ['2026-11-19', '2026-11-20']) {
    await createCitizens({ file: fileOf(date), date, rows: ROWS })
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const fileOf = (date: string) => join(folder, `${date}.csv`)

/** The rows of a question about a day's citizens, where `day('2026-11-20')` is a table. */
async function ask(sql: (day: (date: string) => string) => string, ...statements: string[]): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  for (const statement of statements) await connection.run(statement)
  const reader = await connection.runAndReadAll(sql(date => `read_csv('${fileOf(date)}', header = true)`))
  const rows = reader.getRowsJS() as unknown[][]
  connection.closeSync()
  instance.closeSync()
  return rows
}

describe('the sample of citizens', () => {
  test('has the same bytes every time it is made, for a date by itself', async () => {
    const again = join(folder, 'again.csv')
    await createCitizens({ file: again, date: '2026-11-20', rows: ROWS })
    expect((await readFile(again)).equals(await readFile(fileOf('2026-11-20')))).toBe(true)
    const digest = createHash('sha256')
      .update(await readFile(again))
      .digest('hex')
    expect(digest.slice(0, 4)).toBe(DIGEST)
    expect((await readdir(folder)).filter(name => name.endsWith('.making'))).toEqual([])
  })

  test('has the header and as many rows as asked for, with an id of its own each', async () => {
    const text = await readFile(fileOf('2026-11-20'), 'utf8')
    expect(text.slice(0, text.indexOf('\n'))).toBe(CITIZEN_COLUMNS.map(({ name }) => name).join())
    expect(await ask(day => `SELECT count(*)::INT, count(DISTINCT citizen_id)::INT FROM ${day('2026-11-20')}`)).toEqual(
      [[ROWS, ROWS]],
    )
  })

  test('from one day to the next some appear, move, change job or status, and leave; all others stay as they were', async () => {
    const [counts] = await ask(
      day => `SELECT
          count(*) FILTER (old.citizen_id IS NULL)::INT, count(*) FILTER (new.citizen_id IS NULL)::INT,
          count(*) FILTER (old.city <> new.city)::INT, count(*) FILTER (old.occupation <> new.occupation)::INT,
          count(*) FILTER (old.marital_status <> new.marital_status)::INT,
          count(*) FILTER (old.updated_at = new.updated_at AND old <> new)::INT,
          count(*) FILTER (old.updated_at <> new.updated_at AND CAST(new.updated_at AS DATE) <> DATE '2026-11-20')::INT,
          count(*) FILTER (old.full_name <> new.full_name OR old.birth_date <> new.birth_date OR old.registered_at <> new.registered_at)::INT
        FROM ${day('2026-11-19')} AS old FULL JOIN ${day('2026-11-20')} AS new USING (citizen_id)`,
    )
    const [appeared, left, moved, otherJob, otherStatus, silent, wrongDay, otherPerson] = counts as number[]
    for (const some of [appeared, left, moved, otherJob, otherStatus]) {
      expect(some).toBeGreaterThan(0)
      expect(some).toBeLessThan(ROWS / 100)
    }
    expect({ silent, wrongDay, otherPerson }).toEqual({ silent: 0, wrongDay: 0, otherPerson: 0 })
  })

  test('has what a careless reader of CSV stumbles over', async () => {
    const [counts] = await ask(
      day => `SELECT count(*) FILTER (contains(full_name, ','))::INT, count(*) FILTER (contains(full_name, '"'))::INT,
          count(*) FILTER (contains(full_name, chr(10)))::INT, count(*) FILTER (annual_income IS NULL)::INT,
          count(*) FILTER (city = '札幌')::INT
        FROM ${day('2026-11-20')}`,
    )
    for (const count of counts as number[]) expect(count).toBeGreaterThan(10)
  })

  test('goes with the tables regions and occupations, which have every region and occupation', async () => {
    const missing = await ask(
      day => `SELECT count(*) FILTER (region_name IS NULL)::INT, count(*) FILTER (title IS NULL)::INT
        FROM ${day('2026-11-20')} LEFT JOIN regions USING (region) LEFT JOIN occupations USING (occupation)`,
      ...duckdbReferenceTables(),
    )
    expect(missing).toEqual([[0, 0]])
  })

  test.each([
    ['a date before it', { date: '1999-12-31', rows: 1 }, /from 2000-01-01 to 2099-12-31, but got 1999-12-31/],
    ['a day that no calendar has', { date: '2026-02-30', rows: 1 }, /but got 2026-02-30/],
    ['no rows', { date: '2026-11-20', rows: 0 }, /from 1 to 10,000,000, but got 0/],
    ['too many rows', { date: '2026-11-20', rows: 10_000_001 }, /but got 10000001/],
  ])('is not made for %s', async (_, options, message) => {
    const made = createCitizens({ file: join(folder, 'never.csv'), ...options })
    await expect(made).rejects.toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(message) })
  })

  test('stops at a signal and leaves nothing', async () => {
    const reason = new Error('enough')
    const file = join(folder, 'stopped', 'citizens.csv')
    const stop = new AbortController()
    const making = createCitizens({ file, date: '2026-11-20', rows: 5_000_000, signal: stop.signal })
    await expect.poll(() => readdir(join(folder, 'stopped')).catch(() => [])).toHaveLength(1)
    stop.abort(reason)
    await expect(making).rejects.toBe(reason)
    expect(await readdir(join(folder, 'stopped')).catch(() => [])).toEqual([])
  })
})
