import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Clock } from '../../src/datasources/clock.ts'
import { type Schedule, type ScheduleSettings, scheduleProblem, startSchedule } from '../../src/warehouse/schedule.ts'
import { type EmbeddedWarehouse, embeddedWarehouse } from '../setup/embeddedWarehouse.ts'

// Several runs each, with many files that are written through to the disk: a busy machine takes its time.
vi.setConfig({ testTimeout: 180_000 })

const SOON = { timeout: 120_000 }
const HOUR_MILLIS = 3_600_000

let embedded: EmbeddedWarehouse
let schedules: Schedule[]
let notes: string[]
let clock: ReturnType<typeof steppedClock>
beforeEach(async () => {
  embedded = await embeddedWarehouse()
  schedules = []
  notes = []
  clock = steppedClock('2026-11-20T12:00:00Z')
})
afterEach(async () => {
  await Promise.all(schedules.map(schedule => schedule.close()))
  await embedded.close()
})

/** Time that passes when the test says so. */
function steppedClock(start: string): Clock & { advance(hours: number): void; sleepers: () => number } {
  let now = Date.parse(start)
  const sleepers = new Set<{ until: number; wake: () => void }>()
  return {
    nowMillis: () => now,
    async pause(millis, signal) {
      signal?.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const sleeper = { until: now + millis, wake: resolve }
      sleepers.add(sleeper)
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
      await promise.finally(() => sleepers.delete(sleeper))
    },
    deadline: millis => AbortSignal.timeout(millis),
    advance(hours) {
      now += hours * HOUR_MILLIS
      for (const { until, wake } of sleepers) if (until <= now) wake()
    },
    sleepers: () => sleepers.size,
  }
}

function start(settings: Partial<ScheduleSettings> = {}): Schedule {
  const schedule = startSchedule({
    pattern: '0 3 * * *',
    timeZone: 'UTC',
    catchUpDays: 3,
    domain: embedded.domain,
    warehouse: embedded.warehouse,
    jobs: embedded.jobs,
    clock,
    note: (message, details) => notes.push(`${message} ${JSON.stringify(details)}`),
    ...settings,
  })
  schedules.push(schedule)
  return schedule
}

const runs = () =>
  embedded.domain
    .runs(50)
    .map(({ date, state }) => `${date} ${state}`)
    .reverse()
const asleep = (count = 1) => expect.poll(clock.sleepers, SOON).toBe(count)

test('a server that starts with an empty warehouse runs the day before, and each day the next when it is time', async () => {
  for (const day of ['18', '19', '20']) await embedded.makeDay(`2026-11-${day}`)
  start()
  await asleep()
  expect(runs()).toEqual(['2026-11-19 SUCCEEDED'])
  clock.advance(14) // 2026-11-21 02:00
  await asleep()
  expect(runs()).toHaveLength(1)
  clock.advance(1)
  await expect.poll(runs, SOON).toEqual(['2026-11-19 SUCCEEDED', '2026-11-20 SUCCEEDED'])
  expect(notes).toEqual([])
})

test('dates that were missed are caught up, the earliest first, but none that is too long ago', async () => {
  for (const day of ['12', '16', '17', '18', '19']) await embedded.makeDay(`2026-11-${day}`)
  await embedded.run('2026-11-12')
  await embedded.run('2026-11-18')
  start()
  await asleep()
  expect(runs()).toEqual(['2026-11-12', '2026-11-17', '2026-11-18', '2026-11-19'].map(date => `${date} SUCCEEDED`))
})

test('a date whose file has not come yet is told of, and tried again the next time', async () => {
  start({ pattern: '0 * * * *' })
  await asleep()
  expect(runs()).toEqual(['2026-11-19 FAILED'])
  expect(notes).toEqual([
    expect.stringMatching(/^a scheduled date did not succeed .*2026-11-19.*There are no citizens/),
  ])
  await embedded.makeDay('2026-11-19')
  clock.advance(1)
  await expect.poll(runs, SOON).toEqual(['2026-11-19 SUCCEEDED'])
})

test('of two servers one runs what is due', async () => {
  await embedded.makeDay('2026-11-19')
  start()
  start()
  await asleep(2)
  expect(runs()).toEqual(['2026-11-19 SUCCEEDED'])
  expect(embedded.jobs.list({ first: 9 }).length).toBeLessThanOrEqual(2)
  expect(embedded.domain.runs(1)).toMatchObject([{ attempts: 1 }])
})

test('the day before is that of the time zone', async () => {
  clock = steppedClock('2026-11-20T23:30:00Z')
  await embedded.makeDay('2026-11-20')
  start({ timeZone: 'Europe/Berlin' })
  await asleep()
  expect(runs()).toEqual(['2026-11-20 SUCCEEDED'])
})

test('closing ends the run that it has started', async () => {
  await embedded.makeDay('2026-11-19', 50_000)
  const schedule = start()
  await expect.poll(() => embedded.jobs.list({ first: 1 })[0]?.state, { ...SOON, interval: 1 }).toBe('RUNNING')
  await schedule.close()
  expect(embedded.jobs.list({ first: 1 })).toMatchObject([{ state: 'CANCELLED' }])
})

describe('a schedule', () => {
  test.each(['0 3 * * *', '*/10 2-12 * * 1-5', '30 0 3 * * *', '@daily'])('may be %s', pattern => {
    expect(scheduleProblem({ pattern, timeZone: 'UTC' })).toBeNull()
  })
  test.each([
    ['every day', 'UTC'],
    ['99 3 * * *', 'UTC'],
    ['0 3 * * *', 'Berlin'],
  ])('may not be %s in %s', (pattern, timeZone) => {
    expect(scheduleProblem({ pattern, timeZone })).toEqual(expect.any(String))
  })
})
