import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { millrace, type Ran } from './millrace.ts'

// Several runs each, with many files that are written through to the disk: a busy machine takes its time.
vi.setConfig({ testTimeout: 180_000 })

let dataDir: string
let app: App
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'millrace-warehouse-cli-'))
  app = await createApp(readConfig({ MILLRACE_DATA_DIR: dataDir, MILLRACE_PORT: '0' }), {
    log: pino({ level: 'silent' }),
  })
  await app.listen()
})
afterAll(async () => {
  await app.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const run = (...parameters: string[]): Promise<Ran> => millrace(parameters, { dataDir })
const citizens = (date: string) => join(dataDir, 'citizens', `dt=${date}`, 'citizens_data.csv')

describe('millrace sample citizens', () => {
  test('makes a day where the warehouse looks for it', async () => {
    expect(await run('sample', 'citizens', '--date', '2026-11-18', '--rows', '300')).toEqual({
      code: 0,
      stdout: `Made 300 citizens (35.6 kB) in ${citizens('2026-11-18')}.\n`,
      stderr: '',
    })
    const folder = join(dataDir, 'elsewhere')
    await run('sample', 'citizens', '--date', '2026-11-18', '--rows', '3', '--folder', folder)
    expect(existsSync(join(folder, 'dt=2026-11-18', 'citizens_data.csv'))).toBe(true)
  })

  test.each([
    [['--date', '2026-02-30'], 2, /Expected a date such as 2026-11-20/],
    [[], 2, /--date/],
    [['--date', '1999-01-01'], 1, /^error: Expected a date from 2000-01-01/],
    [['--date', '2026-11-18', '--rows', '0'], 1, /^error: Expected a number of rows from 1/],
  ])('with %j is refused', async (parameters, code, message) => {
    const ran = await run('sample', 'citizens', ...parameters)
    expect(ran.code).toBe(code)
    expect(ran.stdout + ran.stderr).toMatch(message)
  })
})

test('a date is planned, run, looked at and run again', async () => {
  await run('sample', 'citizens', '--date', '2026-11-18', '--rows', '300')
  const plan = await run('warehouse', 'plan', '2026-11-18')
  expect(plan.stdout).toMatch(/^ingest +to do +Lands dt=2026-11-18\/citizens_data\.csv of file:/m)
  expect(plan.stdout).toMatch(/^publish +to do +Replaces nothing/m)

  const first = await run('warehouse', 'run', '2026-11-18')
  expect(first).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Published [\d,]+ rows of 8 tables for 2026-11-18\.\n$/),
  })
  const again = await run('warehouse', 'run', '2026-11-18')
  expect(again.stdout).toBe('2026-11-18 is published already, from the same inputs: nothing was to do.\n')
  expect((await run('warehouse', 'plan', '2026-11-18')).stdout).not.toMatch(/ {2}to do {2}/)

  const tables = await run('warehouse', 'tables')
  expect(tables.stdout).toMatch(/^agg_income +8 {2}2026-11-18 {2}What the citizens of each region earn/m)
  const rows = await run('warehouse', 'rows', 'agg_income', '-n', '2')
  expect(rows.stdout.split('\n')[0]).toMatch(/^LOGICAL_DATE +REGION +N +MEAN_INCOME +MEDIAN_INCOME +P90_INCOME$/)
  expect(rows.stdout.trimEnd().split('\n')).toHaveLength(3)
  const runs = await run('warehouse', 'runs')
  expect(runs.stdout).toMatch(/^2026-11-18 +SUCCEEDED +1 +[\d.]+ m?s +12\/12$/m)
})

test('a range is backfilled, stops at what fails, and goes on from there', async () => {
  for (const day of ['18', '19', '20']) await run('sample', 'citizens', '--date', `2026-11-${day}`, '--rows', '300')
  writeFileSync(citizens('2026-11-19'), 'id\n')
  const backfill = ['warehouse', 'backfill', '--from', '2026-11-18', '--to', '2026-11-20']
  const failed = await run(...backfill)
  expect(failed.code).toBe(1)
  expect(failed.stdout).toMatch(
    /^error: 2026-11-19 failed: Expected a citizens_data\.csv to ingest, but its header is another/,
  )
  expect(failed.stderr).toContain(
    'hint: 1 of 3 were run before it. When it is mended, the same command goes on from there.',
  )
  expect((await run('warehouse', 'runs')).stdout).toMatch(/^2026-11-19 +FAILED +1 .*ingest: Expected a citizens_data/m)

  await run('sample', 'citizens', '--date', '2026-11-19', '--rows', '300')
  const retried = await run('warehouse', 'retry')
  expect(retried.stdout).toMatch(/^Published [\d,]+ rows of 8 tables for 2026-11-19\.\n$/)
  expect((await run('warehouse', 'retry')).stdout).toBe('Nothing is to be run again.\n')
  const { code, stdout } = await run(...backfill)
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^2026-11-18 is published already.*\n2026-11-19 is published already.*\nPublished .* for 2026-11-20\.\n$/,
  )
})

test('a date is ingested by itself, and a file that has changed since is refused without --force', async () => {
  await run('sample', 'citizens', '--date', '2026-12-01', '--rows', '300')
  expect((await run('warehouse', 'ingest', '2026-12-01')).stdout).toBe(
    'Landed 300 citizens of 2026-12-01, and 2 tables of the source.\n',
  )
  await run('sample', 'citizens', '--date', '2026-12-01', '--rows', '299')
  const refused = await run('warehouse', 'ingest', '2026-12-01', '--json')
  expect(refused.code).toBe(1)
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'CONFLICT' } })
  expect((await run('warehouse', 'ingest', '2026-12-01', '--force')).stdout).toContain('Landed 299 citizens')
})

test.each([
  [
    ['warehouse', 'rows', 'agg_incom'],
    1,
    /^error: Expected the name of a result table.*hint: Did you mean agg_income\?/s,
  ],
  [['warehouse', 'run', 'yesterday'], 2, /Expected a date such as 2026-11-20/],
  [['warehouse', 'backfill', '--from', '2026-11-20', '--to', '2026-11-18'], 1, /^error: Expected 1 to 3660 days/],
])('%j is refused', async (parameters, code, message) => {
  const ran = await run(...parameters)
  expect(ran.code).toBe(code)
  expect(ran.stdout + ran.stderr).toMatch(message)
})
