import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CITIZEN_COLUMNS } from '../../../src/warehouse/citizenColumns.ts'
import { checkFile } from '../../../src/warehouse/ingest/checkFile.ts'
import { type Citizens, readCitizens } from '../../../src/warehouse/ingest/readCitizens.ts'
import { createCitizens } from '../../../src/warehouse/sample/createCitizens.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-read-citizens-'))
})
afterEach(() => rm(folder, { recursive: true }))

const HEADER = CITIZEN_COLUMNS.map(({ name }) => name).join()
const fieldsOf = (id: number, changes: Record<string, string> = {}) => ({
  citizen_id: String(id),
  full_name: 'Ann Lee',
  gender: 'female',
  birth_date: '1984-02-29',
  marital_status: 'single',
  region: 'R01',
  city: 'Bodø',
  occupation: 'nurse',
  annual_income: '41000.50',
  registered_at: '2024-01-02 03:04:05',
  updated_at: '2025-01-02 03:04:05',
  ...changes,
})
const row = (id: number, changes?: Record<string, string>) => Object.values(fieldsOf(id, changes)).join()

async function fileOf(rows: readonly (string | Buffer)[], lineEnd = '\n'): Promise<string> {
  const csv = join(folder, 'citizens.csv')
  await writeFile(csv, Buffer.concat([HEADER, ...rows].flatMap(part => [Buffer.from(part), Buffer.from(lineEnd)])))
  return csv
}

async function read(rows: readonly (string | Buffer)[], lineEnd?: string): Promise<Citizens> {
  return await readCitizens(await fileOf(rows, lineEnd), join(folder, 'out.parquet'), new AbortController().signal)
}

async function parquet(select: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(`SELECT ${select} FROM '${join(folder, 'out.parquet')}'`)
  const rows = reader.getRowsJson() as unknown[][]
  connection.closeSync()
  instance.closeSync()
  return rows
}

describe('citizens_data.csv', () => {
  test('becomes Parquet with types, whatever is quoted in it', async () => {
    const name = '"Lee, ""Annie""\nAnn 🎓"'
    expect(await read([row(1, { full_name: name }), row(2, { annual_income: '' })])).toEqual({ rows: 2, rejected: [] })
    expect(await parquet('*')).toEqual([
      [
        '1',
        'Lee, "Annie"\nAnn 🎓',
        'female',
        '1984-02-29',
        'single',
        'R01',
        'Bodø',
        'nurse',
        41000.5,
        '2024-01-02 03:04:05',
        '2025-01-02 03:04:05',
      ],
      expect.arrayContaining(['2', null]),
    ])
    expect(await parquet("string_agg(DISTINCT typeof(COLUMNS(*)), '')")).toEqual([
      ['BIGINT', 'VARCHAR', 'VARCHAR', 'DATE', ...Array(4).fill('VARCHAR'), 'DOUBLE', 'TIMESTAMP', 'TIMESTAMP'],
    ])
  })

  test('may have lines that end as Windows ends them', async () => {
    expect(await read([row(1), row(2)], '\r\n')).toEqual({ rows: 2, rejected: [] })
    expect(await parquet('max(updated_at)')).toEqual([['2025-01-02 03:04:05']])
  })

  test('of the sample has no row that cannot be used', async () => {
    const csv = join(folder, 'sample.csv')
    await createCitizens({ file: csv, date: '2026-11-20', rows: 30_000 })
    expect(await readCitizens(csv, join(folder, 'out.parquet'), new AbortController().signal)).toEqual({
      rows: 30_000,
      rejected: [],
    })
    expect((await readdir(folder)).sort()).toEqual(['out.parquet', 'sample.csv'])
  })

  test('loses the rows that cannot be used, each with its line and reason, between names with line breaks', async () => {
    const twoLines = (id: number) => row(id, { full_name: '"Ann\nLee"' })
    const { rows, rejected } = await read([
      twoLines(1), // lines 2 and 3
      '2,short', // 4
      twoLines(3), // 5, 6
      row(4, { birth_date: '1984-02-30' }), // 7
      row(3), // 8
      `${row(5)},more`, // 9
      row(6, { annual_income: 'much' }), // 10
      row(7, { full_name: '"Ann" Lee' }), // 11
      Buffer.from(row(8, { full_name: 'José' }), 'latin1'), // 12
      row(9, { full_name: '"A\nB\nC"', region: '' }), // 13 to 15
      row(10, { citizen_id: '10.5' }), // 16
      row(11, { updated_at: '2025-01-02' }), // 17
      row(12), // 18
    ])
    expect(rows).toBe(3)
    expect(await parquet('citizen_id')).toEqual([['1'], ['3'], ['12']])
    expect(rejected.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      '4: expected 11 fields, found fewer',
      '7: birth_date: expected a date such as 1984-02-29, found "1984-02-30"',
      '8: citizen_id: 3 has come before',
      '9: expected 11 fields, found more',
      '10: annual_income: expected an amount such as 45230.50, or nothing, found "much"',
      '11: expected a comma or the end of the line after a closing quote',
      '12: expected UTF-8, found bytes that are none',
      '13: region: expected some text, found nothing',
      '16: citizen_id: expected a whole number, found "10.5"',
      '17: updated_at: expected a date and time such as 2026-11-20 08:15:00, found "2025-01-02"',
    ])
    expect(rejected[0]!.row).toBe('2,short')
    expect(rejected[7]!.row).toBe(row(9, { full_name: '"A\nB\nC"', region: '' }))
  })

  test.each(['nan', 'inf', '1e400', '12,5'])('has no income of %s', async income => {
    const { rejected } = await read([row(1), row(2, { annual_income: `"${income}"` })])
    expect(rejected).toMatchObject([{ line: 3, reason: expect.stringContaining(`found "${income}"`) }])
  })

  test('in another encoding loses every row that has more than ASCII in it', async () => {
    const latin = Array.from({ length: 50 }, (_, index) => Buffer.from(row(index, { full_name: 'José' }), 'latin1'))
    const { rows, rejected } = await read([...latin, row(50, { city: 'Vigo' })])
    expect(rows).toBe(1)
    expect(rejected).toHaveLength(50)
    expect(rejected.at(-1)).toMatchObject({ line: 51, reason: 'expected UTF-8, found bytes that are none' })
  })
})

describe('the file as a whole', () => {
  const wrong = (message: RegExp) => ({
    code: 'BAD_USER_INPUT',
    message: expect.stringMatching(message),
    hint: expect.any(String),
  })
  async function check(text: string | Buffer): Promise<void> {
    const csv = join(folder, 'whole.csv')
    await writeFile(csv, text)
    await checkFile(csv)
  }

  test.each([
    ['ends with a line break', `${HEADER}\n${row(1)}\n`],
    ['ends without one, after a whole line', `${HEADER}\n${row(1)}`],
    ['begins with a byte order mark', `\uFEFF${HEADER}\n${row(1)}\n`],
    ['has quotes around the names', `${HEADER.replaceAll(/\w+/g, '"$&"')}\r\n${row(1)}\r\n`],
  ])('passes where it %s', async (_, text) => {
    await check(text)
  })

  test.each([
    ['is empty', '', /it is empty/],
    ['lacks a column', `${HEADER.replace(',city', '')}\n`, /without city/],
    ['has a column more', `${HEADER},shoe_size\n`, /with "shoe_size"/],
    ['has the columns in another order', `${HEADER.split(',').reverse().join()}\n`, /in another order/],
    ['has no header', `${row(1)}\n`, /without citizen_id/],
    ['is UTF-16', Buffer.from(`${HEADER}\n`, 'utf16le'), /its header is another/],
    ['was cut off in a line', `${HEADER}\n${row(1)}\n${row(2).slice(0, 30)}`, /ends in the middle of a line/],
    ['was cut off before the last character', `${HEADER}\n${row(1).slice(0, -1)}`, /ends in the middle of a line/],
  ])('is refused where it %s', async (_, text, message) => {
    await expect(check(text)).rejects.toMatchObject(wrong(message))
  })
})
