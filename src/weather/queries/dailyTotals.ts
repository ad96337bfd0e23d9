import type { Call } from '../../datasources/call.ts'
import type { Storage } from '../../datasources/storage.ts'
import { type BatchFile, versionOf } from '../files/batchFiles.ts'
import { type BatchColumns, openBatchFile } from '../files/openBatchFile.ts'
import { boundedCache } from './boundedCache.ts'
import { dayOf } from './days.ts'

/** What a file's rows add up to for each of its stations and days, as columns of equal length. */
export interface DailyTotals {
  stations: string[]
  /** Into `stations`. */
  station: Int32Array
  /** Since 1970-01-01. */
  day: Int32Array
  count: Int32Array
  min: Float64Array
  max: Float64Array
  sum: Float64Array
}

export interface DailyTotalsReader {
  /** From memory where the file was seen before, since files do not change. Throws as openBatchFile(). */
  totalsOf(file: BatchFile, call?: Call): Promise<DailyTotals>
}

/** Station and day pairs of all files together, of 36 bytes each. */
const MOST_PAIRS = 2_000_000

export function dailyTotalsReader(storage: Storage): DailyTotalsReader {
  const cache = boundedCache<DailyTotals>(MOST_PAIRS)

  async function read(file: BatchFile, call?: Call): Promise<DailyTotals> {
    const sums = dailySums()
    const open = await openBatchFile(storage, file.status, call)
    for (const part of open.parts) sums.add(await open.columns(part))
    return sums.totals()
  }

  return {
    async totalsOf(file, call) {
      const version = versionOf(file.status)
      const known = cache.get(version)
      if (known) return known
      const totals = await read(file, call)
      cache.set(version, totals, totals.day.length)
      return totals
    },
  }
}

/** More days than any calendar here has, so that a station and a day make one number. */
const DAYS = 2 ** 24
const FIRST_DAY = -(2 ** 23)

function dailySums() {
  const stations: string[] = []
  const stationIds = new Map<string, number>()
  const slots = new Map<number, number>()
  const [count, min, max, sum]: number[][] = [[], [], [], []]

  const stationId = (name: string): number => {
    const id = stationIds.get(name) ?? stations.push(name) - 1
    stationIds.set(name, id)
    return id
  }

  return {
    add({ rows, stations: names, dates, degrees }: BatchColumns) {
      const stationOf = names.words.map(name => stationId(name) * DAYS)
      const dayOfWord = dates.words.map(date => dayOf(date) - FIRST_DAY)
      for (let row = 0; row < rows; row++) {
        const key = stationOf[names.ids[row]!]! + dayOfWord[dates.ids[row]!]!
        const value = degrees[row]!
        const slot = slots.get(key)
        if (slot === undefined) {
          slots.set(key, count!.length)
          count!.push(1)
          min!.push(value)
          max!.push(value)
          sum!.push(value)
          continue
        }
        count![slot]! += 1
        sum![slot]! += value
        if (value < min![slot]!) min![slot] = value
        if (value > max![slot]!) max![slot] = value
      }
    },
    totals(): DailyTotals {
      const keys = Float64Array.from(slots.keys())
      return {
        stations,
        station: Int32Array.from(keys, key => Math.floor(key / DAYS)),
        day: Int32Array.from(keys, key => (key % DAYS) + FIRST_DAY),
        count: Int32Array.from(count!),
        min: Float64Array.from(min!),
        max: Float64Array.from(max!),
        sum: Float64Array.from(sum!),
      }
    },
  }
}
