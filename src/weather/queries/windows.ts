import pLimit from 'p-limit'
import type { Call } from '../../datasources/call.ts'
import type { Storage } from '../../datasources/storage.ts'
import { type BatchFile, type BatchFiles, wholeOf } from '../files/batchFiles.ts'
import type { TemperatureWindow, WindowQuestion } from '../weather.ts'
import { type DailyTotals, dailyTotalsReader } from './dailyTotals.ts'
import { dateOf, dayOf, periodOf } from './days.ts'

/** Files not seen before that are read at once. */
const AT_ONCE = 4

/** Answers Weather.windows(): the cost grows with files not seen before, and by little with their stations and days. */
export function windowsQuery(storage: Storage, files: BatchFiles) {
  const reader = dailyTotalsReader(storage)

  return async (question: WindowQuestion, call?: Call): Promise<TemperatureWindow[]> =>
    await files.reading(async partitions => {
      const windows = windowSums(question)
      const limit = pLimit(AT_ONCE)
      const wanted = wholeOf(partitions).filter(file => mayHold(file, question))
      const totals = await Promise.all(wanted.map(file => limit(() => reader.totalsOf(file, call))))
      // In one order, so that the same files give the same sums to the last bit.
      for (const one of totals) windows.add(one)
      return windows.all()
    }, call)
}

function mayHold({ parts }: BatchFile, { from = '', to = '\uffff' }: WindowQuestion): boolean {
  return parts.some(({ minDate, maxDate }) => minDate <= to && maxDate >= from)
}

interface WindowSum {
  start: number
  end: number
  count: number
  min: number
  max: number
  sum: number
}

function windowSums({ window, stationId, from, to }: WindowQuestion) {
  const firstDay = from === undefined ? Number.NEGATIVE_INFINITY : dayOf(from)
  const lastDay = to === undefined ? Number.POSITIVE_INFINITY : dayOf(to)
  const byStart = new Map<number, WindowSum>()
  /** Finding a day's month takes longer than all the rest. */
  const byDay = new Map<number, WindowSum>()

  const windowOf = (day: number): WindowSum => {
    const { start, end } = periodOf(day, window)
    const sum = byStart.get(start) ?? {
      start,
      end,
      count: 0,
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
      sum: 0,
    }
    byStart.set(start, sum)
    byDay.set(day, sum)
    return sum
  }

  return {
    add(totals: DailyTotals) {
      const wanted = stationId === undefined ? undefined : totals.stations.indexOf(stationId)
      for (let index = 0; index < totals.day.length; index++) {
        const day = totals.day[index]!
        if (day < firstDay || day > lastDay || (wanted !== undefined && totals.station[index] !== wanted)) continue
        const sum = byDay.get(day) ?? windowOf(day)
        sum.count += totals.count[index]!
        sum.sum += totals.sum[index]!
        if (totals.min[index]! < sum.min) sum.min = totals.min[index]!
        if (totals.max[index]! > sum.max) sum.max = totals.max[index]!
      }
    },
    all: (): TemperatureWindow[] =>
      [...byStart.values()]
        .sort((a, b) => a.start - b.start)
        .map(({ start, end, count, min, max, sum }) => ({
          start: dateOf(start),
          end: dateOf(end),
          stationId: stationId ?? null,
          count,
          min,
          max,
          mean: sum / count,
        })),
  }
}
