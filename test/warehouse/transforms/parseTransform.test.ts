import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseTransform } from '../../../src/warehouse/transforms/parseTransform.ts'
import { OWN_TRANSFORMS, readTransforms } from '../../../src/warehouse/transforms/readTransforms.ts'

const FILE = '/somewhere/agg_income.sql'

test('a transform has the name of its file, a description, and the tests that its comments ask for', () => {
  const sql = `-- description: Income by region,
-- description: in dollars.
-- Anything else may stand here.

-- test: not null region, n
-- test: unique region, n
-- test: accepted values region: 'R01', 'it''s', 3, true
-- test: row count 1 to 100
SELECT region, count(*) AS n FROM citizens -- test: no header any more
`
  expect(parseTransform(FILE, sql)).toEqual({
    name: 'agg_income',
    file: FILE,
    description: 'Income by region, in dollars.',
    sql,
    keeps: 'every date',
    continues: null,
    tests: [
      { line: 5, check: { kind: 'notNull', column: 'region' } },
      { line: 5, check: { kind: 'notNull', column: 'n' } },
      { line: 6, check: { kind: 'unique', columns: ['region', 'n'] } },
      { line: 7, check: { kind: 'acceptedValues', column: 'region', values: ['R01', "it's", 3, true] } },
      { line: 8, check: { kind: 'rowCount', least: 1, most: 100 } },
    ],
  })
})

test('a transform may go on from its own earlier result, and keep only the latest', () => {
  const sql = '-- description: x\n-- keeps: latest\n-- continues: id bigint, since date\nSELECT 1'
  expect(parseTransform(FILE, sql)).toMatchObject({
    keeps: 'latest',
    continues: [
      { name: 'id', type: { kind: 'integer', bits: 64, signed: true } },
      { name: 'since', type: { kind: 'date' } },
    ],
  })
})

test.each([
  ['SELECT 1', /^agg_income\.sql, line 1: expected a description\./],
  ['-- description: x\n-- tests: unique a\nSELECT 1', /line 2: there is no "tests:"; did you mean "test:"\?/],
  ['-- description: x\n-- test: uniq a\nSELECT 1', /line 2: expected a test, got "uniq a"/],
  ['-- description: x\n-- test: unique A\nSELECT 1', /line 2: expected the name of a column, got "A"/],
  ['-- description: x\n-- test: row count many\nSELECT 1', /line 2: expected a test/],
  [
    '-- description: x\n-- test: accepted values a: b\nSELECT 1',
    /line 2: expected values such as 'single', 3 or true, got "b"/,
  ],
  ['-- description: x\n-- keeps: some\nSELECT 1', /line 2: expected "keeps: latest", got "some"/],
  [
    '-- description: x\n-- continues: id number\nSELECT 1',
    /line 2: expected a column such as "citizen_id bigint", got "id number"/,
  ],
])('%j is refused', (sql, message) => {
  expect(() => parseTransform(FILE, sql)).toThrow(
    expect.objectContaining({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    }),
  )
})

test.each(['Agg.sql', '1st.sql', 'a-b.sql', `${'x'.repeat(49)}.sql`])('a file named %s is refused', name => {
  expect(() => parseTransform(`/somewhere/${name}`, '-- description: x\nSELECT 1')).toThrow(
    expect.objectContaining({ code: 'BAD_USER_INPUT', message: expect.stringContaining(name.slice(0, 40)) }),
  )
})

test('the transforms of Millrace can be read, and each has a description and tests', async () => {
  const transforms = await readTransforms(OWN_TRANSFORMS)
  expect(transforms.map(({ name }) => name)).toEqual([
    'agg_income',
    'agg_marital',
    'agg_occupation',
    'agg_population',
    'daily_registrations',
    'dim_citizen',
    'fact_citizens',
    'snapshot_changes',
  ])
  for (const { tests } of transforms) expect(tests.map(({ check }) => check.kind)).toContain('unique')
})

test('a folder without transforms, or none at all, is an error that names it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-transforms-'))
  await writeFile(join(folder, 'notes.txt'), '')
  const expected = { code: 'NOT_FOUND', message: expect.stringContaining(folder), hint: expect.any(String) }
  await expect(readTransforms(folder)).rejects.toMatchObject(expected)
  await rm(folder, { recursive: true })
  await expect(readTransforms(folder)).rejects.toMatchObject(expected)
})
