import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { dateOf, dayOf, STATIONS, type StationDays, stationDays } from '../../../src/weather/generator/stationDays.ts'

const opened: StationDays[] = []
afterEach(() => {
  for (const days of opened.splice(0)) days.close()
})
function open(): StationDays {
  const days = stationDays()
  opened.push(days)
  return days
}

const degreesOf = (days: StationDays, day: number) => days.reports(day).map(({ degrees }) => degrees)

test('the first day is the one of the original', () => {
  const reports = open().reports(0)
  expect(reports.map(({ stationId }) => stationId)).toEqual([...STATIONS])
  expect(new Set(reports.map(({ date }) => date))).toEqual(new Set(['2000-01-01']))
  expect(reports.map(({ degrees }) => degrees)).toEqual(FIRST_DAY)
})

test('StationI is always 5, StationJ counts the days modulo 10', () => {
  const days = open()
  for (let day = 0; day < 25; day++) expect(degreesOf(days, day).slice(8)).toEqual([5, day % 10])
})

test('ten thousand days are those of CPython, to the last bit', () => {
  const days = open()
  const hash = createHash('sha256')
  for (let day = 0; day < 10_000; day++) hash.update(new Float64Array(degreesOf(days, day)))
  expect(hash.digest('hex')).toBe(TEN_THOUSAND_DAYS_SHA256)
})

test('any days are those that the python3 of this machine computes', context => {
  const program = `
import random
random.seed(544)
for day in range(3000):
    values = [random.gauss(30, 15) for _ in range(8)] + [5, day % 10]
    if day % 100 == 99: print(*map(repr, values))`
  const { status, stdout } = spawnSync('python3', ['-c', program], { encoding: 'utf8' })
  if (status !== 0) return context.skip('there is no python3 here')
  const lines = stdout.trim().split('\n')
  expect(lines).toHaveLength(30)
  const days = open()
  for (const [index, line] of lines.entries()) {
    expect(degreesOf(days, index * 100 + 99)).toEqual(line.split(' ').map(Number))
  }
})

test('a day is the same whatever days were asked before', () => {
  const inOrder = open()
  const expected = Array.from({ length: 200 }, (_, day) => inOrder.reports(day))
  const jumping = open()
  for (const day of [150, 150, 3, 4, 199, 0, 77, 78]) expect(jumping.reports(day)).toEqual(expected[day])
})

test('days go on through leap years and centuries', () => {
  expect(dateOf(59)).toBe('2000-02-29')
  expect(dateOf(365)).toBe('2000-12-31')
  expect(dateOf(36_525)).toBe('2100-01-01')
  for (const day of [0, 59, 365, 36_583, 36_584, 2_000_000]) expect(dayOf(dateOf(day))).toBe(day)
})

test.each(['1999-12-31', '2000-02-30', '2000-1-1', 'today', '', '2000-01-01T00:00:00'])('"%s" is no day', date => {
  expect(dayOf(date)).toBeUndefined()
})

/** python3 -c 'import random; random.seed(544); print([random.gauss(30, 15) for _ in range(8)])' */
const FIRST_DAY = [
  23.851454295532143, 19.525202433007102, 22.977951196092594, 47.92533602679551, 52.0219652093013, 22.266228429236403,
  30.72235799978964, 26.98481298988876, 5, 0,
]

/** sha256 of the little-endian doubles that CPython 3.11 (glibc 2.36) gives for 10,000 days, ten a day. */
const TEN_THOUSAND_DAYS_SHA256 = 'c99f9d62af95fdd46ae4c1313a2b336db665fb660b384e0dcdad3688b6720d63'
