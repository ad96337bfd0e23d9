import type { Call } from '../../datasources/call.ts'
import type { Storage } from '../../datasources/storage.ts'
import { type BatchFile, type BatchFiles, versionOf, wholeOf } from '../files/batchFiles.ts'
import { type BatchColumns, openBatchFile } from '../files/openBatchFile.ts'
import type { TemperaturePage, TemperatureQuestion } from '../weather.ts'
import { boundedCache } from './boundedCache.ts'
import { comparePlaces, type Place, parseCursor, showCursor } from './cursor.ts'

/** Rows of decoded parts that are kept for the next page, of some 20 bytes each. */
const MOST_ROWS = 500_000

/** Answers Weather.temperatures(). Reads the parts whose dates can be on the page; holds one of them and the page. */
export function temperaturesQuery(storage: Storage, files: BatchFiles) {
  const cache = boundedCache<BatchColumns>(MOST_ROWS)

  async function columnsOf({ file, index }: PartPlace, call?: Call): Promise<BatchColumns> {
    const version = `${versionOf(file.status)} ${index}`
    const known = cache.get(version)
    if (known) return known
    const open = await openBatchFile(storage, file.status, call)
    const columns = await open.columns(open.parts[index]!)
    cache.set(version, columns, columns.rows)
    return columns
  }

  return async (question: TemperatureQuestion, call?: Call): Promise<TemperaturePage> => {
    const after = question.after === undefined ? undefined : parseCursor(question.after)
    return await files.reading(async partitions => {
      const page = firstRows(question, after)
      for (const place of partsOf(wholeOf(partitions), question, after)) {
        if (page.isBefore(place.minDate)) break
        page.add(place, await columnsOf(place, call))
      }
      return page.page()
    }, call)
  }
}

/** One part of a file, and where its rows stand in their partition. */
interface PartPlace {
  file: BatchFile
  index: number
  partition: number
  /** Rows of the partition before the part. */
  rowsBefore: number
  minDate: string
}

/** Those that can have rows of the page, by their first date. */
function partsOf(
  files: readonly BatchFile[],
  { from = '', to = '\uffff' }: TemperatureQuestion,
  after?: Place,
): PartPlace[] {
  const first = after && after.date > from ? after.date : from
  const places: PartPlace[] = []
  for (const file of files) {
    let rowsBefore = file.meta.totals.rows - file.meta.rows
    for (const [index, { rows, minDate, maxDate }] of file.parts.entries()) {
      if (minDate <= to && maxDate >= first) {
        places.push({ file, index, partition: file.partition, rowsBefore, minDate })
      }
      rowsBefore += rows
    }
  }
  return places.sort((a, b) => (a.minDate < b.minDate ? -1 : Number(a.minDate > b.minDate)))
}

interface FoundRow extends Place {
  degrees: number
}

/** Sorting when so many times the page have gathered costs little a row. */
const GATHERED_PAGES = 4

/** The first rows of all that are added, and one more to know whether there are others. */
function firstRows({ first, stationId, from = '', to = '\uffff' }: TemperatureQuestion, after: Place | undefined) {
  const wanted = first + 1
  let rows: FoundRow[] = []
  /** Rows behind this one are not on the page. */
  let last: FoundRow | undefined

  const settle = () => {
    rows = rows.sort(comparePlaces).slice(0, wanted)
    if (rows.length === wanted) last = rows.at(-1)
  }

  return {
    isBefore(date: string): boolean {
      settle()
      return last !== undefined && last.date < date
    },
    add({ partition, rowsBefore }: PartPlace, { rows: count, stations, dates, degrees }: BatchColumns): void {
      const isDateWanted = dates.words.map(date => date >= from && date <= to && (!after || date >= after.date))
      const isStationWanted = stations.words.map(station => stationId === undefined || station === stationId)
      for (let row = 0; row < count; row++) {
        const [dateId, station] = [dates.ids[row]!, stations.ids[row]!]
        if (!isDateWanted[dateId] || !isStationWanted[station]) continue
        const date = dates.words[dateId]!
        if (last && date > last.date) continue
        const found = {
          date,
          stationId: stations.words[station]!,
          partition,
          row: rowsBefore + row,
          degrees: degrees[row]!,
        }
        if (after && comparePlaces(found, after) <= 0) continue
        rows.push(found)
        if (rows.length > wanted * GATHERED_PAGES) settle()
      }
    },
    page(): TemperaturePage {
      settle()
      const nodes = rows.slice(0, first)
      return {
        nodes: nodes.map(({ stationId, date, degrees }) => ({ stationId, date, degrees })),
        endCursor: nodes.length > 0 ? showCursor(nodes.at(-1)!) : null,
        hasNextPage: rows.length > first,
      }
    },
  }
}
