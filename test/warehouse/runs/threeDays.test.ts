import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EmbeddedWarehouse, embeddedWarehouse } from '../../setup/embeddedWarehouse.ts'

const DAYS = ['2026-11-18', '2026-11-19', '2026-11-20'] as const
const HEADER =
  'citizen_id,full_name,gender,birth_date,marital_status,region,city,occupation,annual_income,registered_at,updated_at'

/** Three days of a handful of people, so that every number below can be checked by hand. */
const ANN = '1,"Lee, Ann",female,1990-11-20,single,R01,Bodø,nurse,40000,2026-11-10 08:00:00,2026-11-10 08:00:00'
const ANN_MOVED = ANN.replace('R01,Bodø', 'R02,Munich').replace(/2026-11-10 08:00:00$/, '2026-11-19 09:00:00')
const BOB = '2,Bob,male,2008-11-20,single,R01,Narvik,student,,2026-11-18 08:00:00,2026-11-18 08:00:00'
const CLEO = '3,Cleo,other,1950-02-28,widowed,R02,Passau,retired,20000,2026-11-10 09:00:00,2026-11-10 09:00:00'
const DAN = '4,Dan,male,1980-01-01,married,R01,Bodø,nurse,60000,2026-11-20 10:00:00,2026-11-20 10:00:00'
const FILES: Record<(typeof DAYS)[number], string[]> = {
  '2026-11-18': [ANN, BOB, CLEO],
  '2026-11-19': [ANN_MOVED, BOB, CLEO],
  '2026-11-20': [ANN_MOVED, BOB, DAN],
}

let embedded: EmbeddedWarehouse
beforeAll(async () => {
  embedded = await embeddedWarehouse()
  for (const day of DAYS) {
    await embedded.makeDay(day, 1)
    await embedded.changeDay(day, () => `${[HEADER, ...FILES[day]].join('\n')}\n`)
    expect(await embedded.run(day)).toMatchObject({ state: 'SUCCEEDED' })
  }
})
afterAll(() => embedded.close())

const rows = (table: string, date: string = DAYS[2]) => embedded.rows(table, date)

describe('three days of citizens', () => {
  test('make a history of each: what was known, from when, until before when', async () => {
    const history = (await rows('dim_citizen')).map(row => [
      row.citizen_id,
      row.region,
      row.valid_from,
      row.valid_to,
      row.is_current,
    ])
    expect(history).toEqual([
      [1, 'R01', '2026-11-18', '2026-11-19', false],
      [1, 'R02', '2026-11-19', null, true],
      [2, 'R01', '2026-11-18', null, true],
      [3, 'R02', '2026-11-18', '2026-11-20', false],
      [4, 'R01', '2026-11-20', null, true],
    ])
  })

  test('are counted as added, changed, removed and unchanged', async () => {
    const changes = async (date: string) =>
      Object.fromEntries((await rows('snapshot_changes', date)).map(({ change, citizens }) => [change, citizens]))
    expect(await changes(DAYS[0])).toEqual({ added: 3, changed: 0, removed: 0, unchanged: 0 })
    expect(await changes(DAYS[1])).toEqual({ added: 0, changed: 1, removed: 0, unchanged: 2 })
    expect(await changes(DAYS[2])).toEqual({ added: 1, changed: 0, removed: 1, unchanged: 2 })
  })

  test('have the age that they have on the day: a birthday counts from that day on', async () => {
    const bands = async (date: string) =>
      (await rows('agg_population', date)).map(row => [row.region, row.age_band, row.gender, row.citizens].join(' '))
    // Ann and Bob turn 36 and 18 on the third day.
    expect(await bands(DAYS[0])).toEqual(['R01 0-17 male 1', 'R01 35-44 female 1', 'R02 75+ other 1'])
    expect(await bands(DAYS[2])).toEqual(['R01 18-24 male 1', 'R01 45-54 male 1', 'R02 35-44 female 1'])
  })

  test('earn what they say: those who say nothing are not counted', async () => {
    expect(await rows('agg_income', DAYS[0])).toEqual([
      { logical_date: DAYS[0], region: 'R01', n: 1, mean_income: 40_000, median_income: 40_000, p90_income: 40_000 },
      { logical_date: DAYS[0], region: 'R02', n: 1, mean_income: 20_000, median_income: 20_000, p90_income: 20_000 },
    ])
    expect(await rows('agg_occupation')).toEqual([
      {
        logical_date: DAYS[2],
        occupation: 'nurse',
        title: 'Nurse',
        sector: 'health',
        citizens: 2,
        mean_income: 50_000,
      },
      {
        logical_date: DAYS[2],
        occupation: 'student',
        title: 'Student',
        sector: 'education',
        citizens: 1,
        mean_income: null,
      },
    ])
  })

  test('live in regions that have names, and register on dates', async () => {
    expect(await rows('fact_citizens')).toEqual([
      {
        logical_date: DAYS[2],
        region: 'R01',
        region_name: 'Nordland',
        country: 'Norway',
        citizens: 2,
        registered_today: 1,
        updated_today: 1,
        with_income: 1,
      },
      expect.objectContaining({ region: 'R02', region_name: 'Bavaria', citizens: 1, updated_today: 0 }),
    ])
    expect(await rows('daily_registrations')).toEqual([
      { logical_date: DAYS[2], registered_on: '2026-11-10', citizens: 1 },
      { logical_date: DAYS[2], registered_on: '2026-11-18', citizens: 1 },
      { logical_date: DAYS[2], registered_on: '2026-11-20', citizens: 1 },
    ])
    expect(await rows('agg_marital')).toEqual([
      { logical_date: DAYS[2], marital_status: 'married', citizens: 1, share: 1 / 3 },
      { logical_date: DAYS[2], marital_status: 'single', citizens: 2, share: 2 / 3 },
    ])
  })

  test('leave the earlier dates to be asked for, except of the history, which has them all in it', async () => {
    expect(await embedded.domain.tables()).toEqual(
      expect.arrayContaining([
        { name: 'agg_income', description: expect.stringMatching(/^What the citizens/), rows: 6, latestDate: DAYS[2] },
        { name: 'dim_citizen', description: expect.any(String), rows: 5, latestDate: DAYS[2] },
      ]),
    )
    await expect(rows('dim_citizen', DAYS[0])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await embedded.domain.rows('agg_income', null, 1)).toEqual([
      expect.objectContaining({ logical_date: DAYS[2] }),
    ])
  })

  test('are runs of one attempt with all their steps, the newest first', () => {
    const runs = embedded.domain.runs(2)
    expect(runs).toMatchObject([
      { date: DAYS[2], state: 'SUCCEEDED', attempts: 1, startedAt: expect.any(Date), finishedAt: expect.any(Date) },
      { date: DAYS[1], state: 'SUCCEEDED' },
    ])
    expect(runs[0]!.steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'ingest SUCCEEDED',
      'transform agg_income SUCCEEDED',
      'transform agg_marital SUCCEEDED',
      'transform agg_occupation SUCCEEDED',
      'transform agg_population SUCCEEDED',
      'transform daily_registrations SUCCEEDED',
      'transform dim_citizen SUCCEEDED',
      'transform fact_citizens SUCCEEDED',
      'transform snapshot_changes SUCCEEDED',
      'stage SUCCEEDED',
      'test SUCCEEDED',
      'publish SUCCEEDED',
    ])
    expect(runs[0]!.steps[6]).toMatchObject({ rows: 5, elapsedMillis: expect.any(Number) })
  })
})
