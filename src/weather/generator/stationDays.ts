import type { Report } from '../report.ts'
import { gauss } from './gauss.ts'

/** The days of the simulated stations, the same on every machine and in the original. Close it when done. */
export interface StationDays {
  /** One report of each station, in their order. Days in ascending order cost least; days are counted from 0. */
  reports(day: number): Report[]
  close(): void
}

const SEED = 544
const MEAN_DEGREES = 30
const DEVIATION_DEGREES = 15
const RANDOM_STATIONS = ['StationA', 'StationB', 'StationC', 'StationD', 'StationE', 'StationF', 'StationG', 'StationH']
const STEADY = { stationId: 'StationI', degrees: 5 }
const COUNTING = { stationId: 'StationJ', days: 10 }
const PAIRS_PER_DAY = RANDOM_STATIONS.length / 2
const MILLIS_PER_DAY = 86_400_000
const FIRST_DAY_MILLIS = Date.UTC(2000, 0, 1)

/** In the order of a day's rows. */
export const STATIONS: readonly string[] = [...RANDOM_STATIONS, STEADY.stationId, COUNTING.stationId]

export function stationDays(): StationDays {
  let values = gauss(SEED)
  let nextDay = 0

  function goTo(day: number): void {
    if (day < nextDay) {
      values.close()
      values = gauss(SEED)
      nextDay = 0
    }
    values.skip((day - nextDay) * PAIRS_PER_DAY)
    nextDay = day + 1
  }

  return {
    reports(day) {
      goTo(day)
      const date = dateOf(day)
      const reports: Report[] = []
      for (let station = 0; station < RANDOM_STATIONS.length; station += 2) {
        const [first, second] = values.pair(MEAN_DEGREES, DEVIATION_DEGREES)
        reports.push({ stationId: RANDOM_STATIONS[station]!, date, degrees: first })
        reports.push({ stationId: RANDOM_STATIONS[station + 1]!, date, degrees: second })
      }
      reports.push({ ...STEADY, date })
      reports.push({ stationId: COUNTING.stationId, date, degrees: day % COUNTING.days })
      return reports
    },
    close: () => values.close(),
  }
}

/** YYYY-MM-DD; the first day is 2000-01-01. */
export function dateOf(day: number): string {
  return new Date(FIRST_DAY_MILLIS + day * MILLIS_PER_DAY).toISOString().slice(0, 10)
}

/** Counted from 0; undefined for what is no day from 2000-01-01 on. */
export function dayOf(date: string): number | undefined {
  const day = (Date.parse(`${date}T00:00:00Z`) - FIRST_DAY_MILLIS) / MILLIS_PER_DAY
  return Number.isInteger(day) && day >= 0 && dateOf(day) === date ? day : undefined
}
