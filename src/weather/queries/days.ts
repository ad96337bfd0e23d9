import { MillraceError } from '../../errors.ts'
import { daysOf } from '../../parquet/calendar.ts'
import type { WindowSize } from '../weather.ts'

const DAY_MILLIS = 86_400_000

/** Days since 1970-01-01; INTERNAL for what is no day, which no file holds and no argument gets so far with. */
export function dayOf(date: string): number {
  const day = daysOf(date)
  if (day === null) throw new MillraceError('INTERNAL', `Expected a day as YYYY-MM-DD, got ${JSON.stringify(date)}.`)
  return day
}

/** YYYY-MM-DD. */
export function dateOf(day: number): string {
  return new Date(day * DAY_MILLIS).toISOString().slice(0, 10)
}

/** The period that a day is in: its first and its last day. */
export function periodOf(day: number, size: WindowSize): { start: number; end: number } {
  if (size === 'DAY') return { start: day, end: day }
  if (size === 'WEEK') {
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    const start = day - ((((day + 3) % 7) + 7) % 7)
    return { start, end: start + 6 }
  }
  const date = new Date(day * DAY_MILLIS)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return size === 'MONTH'
    ? { start: dayFrom(year, month), end: dayFrom(year, month + 1) - 1 }
    : { start: dayFrom(year, 0), end: dayFrom(year + 1, 0) - 1 }
}

/** The first day of a month; Date.UTC would take years below 100 for those of the last century. */
function dayFrom(year: number, month: number): number {
  return new Date(0).setUTCFullYear(year, month, 1) / DAY_MILLIS
}
