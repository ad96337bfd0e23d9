import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MillraceError } from '../../src/errors.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { type EmbeddedLoans, embeddedLoans, loansOf } from '../setup/embeddedLoans.ts'

let embedded: EmbeddedLoans
let beforeCreate: ((signal: AbortSignal | undefined) => Promise<void>) | undefined
beforeEach(async () => {
  beforeCreate = undefined
  embedded = await embeddedLoans(storage => ({
    ...storage,
    async create(path, content, layout, call) {
      if (!path.startsWith('/.millrace/')) await beforeCreate?.(call?.signal)
      return storage.create(path, content, layout, call)
    },
  }))
})
afterEach(() => embedded.close())

test('the file has the joined, filtered rows with all columns, and only that file is left', async () => {
  await embedded.fill(
    ...loansOf([55001], 0),
    `INSERT INTO loans VALUES (55001, 1, 30000, 'too small'), (55001, 1, 30000.01, 'just above'), (55001, 2, 799999.99, 'just below'),
      (55001, 1, 800000, 'too large'), (55001, 9, 50000, 'no such type'), (55001, NULL, 50000, 'no type'), (55001, 1, NULL, 'no amount'),
      (NULL, 2, 60000, 'no county')`,
    'ALTER TABLE loans ADD COLUMN "added-later" UTINYINT DEFAULT 7',
  )
  const job = await embedded.migrate()
  expect(job).toMatchObject({ state: 'SUCCEEDED', errorCode: null, progress: { done: 3, total: 3, unit: 'rows' } })
  expect(job.message).toContain('3 loans with 6 columns')
  expect(await rows('county_code, loan_type_name, loan_amount, note, "added-later"')).toEqual([
    [55001, 'Conventional', 30000.01, 'just above', 7],
    [55001, 'FHA', 799999.99, 'just below', 7],
    [null, 'FHA', 60000, 'no county', 7],
  ])
  expect(await embedded.visibleFiles()).toEqual([LOANS_PATH.slice(1)])
})

test('no matching loan makes a whole file with 0 rows, no counties and no averages', async () => {
  await embedded.fill(...loansOf([55001], 0))
  expect(await embedded.migrate()).toMatchObject({ state: 'SUCCEEDED', progress: { done: 0 } })
  expect(await rows('county_code, loan_type_name')).toEqual([])
  expect(await embedded.loans.counties()).toEqual([])
  await expect(embedded.average(55001)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test.each([
  ['loans', 'DROP TABLE loans', 'NOT_FOUND', /loans.*loan_types/],
  ['loan_types', 'DROP TABLE loan_types', 'NOT_FOUND', /loan_types.*loans/],
  [
    'the join column',
    'ALTER TABLE loans DROP COLUMN loan_type_id',
    'BAD_USER_INPUT',
    /loan_type_id.*loans.*county_code/,
  ],
  ['the filter column', 'ALTER TABLE loans DROP COLUMN loan_amount', 'BAD_USER_INPUT', /loan_amount.*loans/],
  ['the county column', 'ALTER TABLE loans DROP COLUMN county_code', 'BAD_USER_INPUT', /county_code.*loans/],
  [
    'the name of the type',
    'ALTER TABLE loan_types DROP COLUMN loan_type_name',
    'BAD_USER_INPUT',
    /loan_type_name.*loan_types/,
  ],
  [
    'numbers as amounts',
    'ALTER TABLE loans ALTER loan_amount TYPE VARCHAR',
    'BAD_USER_INPUT',
    /numbers.*loan_amount.*text/,
  ],
  [
    'a free name for the type',
    'ALTER TABLE loans ADD COLUMN loan_type_name VARCHAR',
    'BAD_USER_INPUT',
    /loan_type_name/,
  ],
])(
  'a source without %s fails the job with what was expected and what was found',
  async (_what, statement, code, message) => {
    await embedded.fill(...loansOf([55001]), statement)
    const job = await embedded.migrate()
    expect(job).toMatchObject({ state: 'FAILED', errorCode: code, hint: expect.any(String) })
    expect(job.message).toMatch(message)
  },
)

test('a failed migration leaves the old file, and nothing beside it', async () => {
  await embedded.fill(...loansOf([55001]))
  await embedded.migrate()
  beforeCreate = () => Promise.reject(new MillraceError('FORBIDDEN', 'the disk is read-only'))
  await embedded.fill(...loansOf([55001], 9))
  expect(await embedded.migrate()).toMatchObject({
    state: 'FAILED',
    errorCode: 'FORBIDDEN',
    message: 'the disk is read-only',
  })
  expect(await rows('loan_amount')).toHaveLength(3)
  expect(await embedded.visibleFiles()).toEqual([LOANS_PATH.slice(1)])
})

test('a file that the storage does not get done with is written under another name beside it, and nothing stays beside that', async () => {
  await embedded.fill(...loansOf([55001]))
  let begun = 0
  beforeCreate = signal => {
    begun += 1
    if (begun > 1) return Promise.resolve()
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  }
  expect(await embedded.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  expect(begun).toBe(2)
  expect(await rows('loan_amount')).toHaveLength(3)
  await vi.waitFor(async () => expect(await embedded.visibleFiles()).toEqual([LOANS_PATH.slice(1)]))
})

test('a cancelled migration leaves nothing behind, and the next one may run', async () => {
  await embedded.fill(...loansOf([55001]))
  const reached = new Promise<void>(resolve => {
    beforeCreate = signal => {
      resolve()
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
  })
  const { id } = embedded.loans.migrate()
  expect(() => embedded.loans.migrate()).toThrow(expect.objectContaining({ code: 'CONFLICT' }))
  await reached
  beforeCreate = undefined
  expect(await embedded.cancel(id)).toMatchObject({ state: 'CANCELLED' })
  expect(await embedded.visibleFiles()).toEqual([])
  expect((await embedded.migrate()).state).toBe('SUCCEEDED')
  expect(await embedded.visibleFiles()).toEqual([LOANS_PATH.slice(1)])
})

async function rows(columns: string): Promise<unknown[][]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const file = join(embedded.storageFolder, LOANS_PATH)
  const reader = await connection.runAndReadAll(`SELECT ${columns} FROM read_parquet('${file}') ORDER BY ALL`)
  connection.closeSync()
  return reader.getRowsJS() as unknown[][]
}
