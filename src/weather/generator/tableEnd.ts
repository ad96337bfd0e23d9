import type { Call } from '../../datasources/call.ts'
import type { Source } from '../../datasources/source.ts'
import { TEMPERATURES } from '../temperaturesTable.ts'
import { dayOf, STATIONS } from './stationDays.ts'

/** The next report that the table lacks. */
export interface TableEnd {
  day: number
  /** Its place in STATIONS. */
  station: number
}

/** Most often the last row is ours; others may have put theirs behind it. */
const LOOK_BACK_ROWS = [10, 1_000, 100_000]

/** Behind the last row of one of our stations; the first report of the first day where there is none. */
export async function tableEnd(source: Pick<Source, 'columns' | 'rowsByKey'>, call: Call): Promise<TableEnd> {
  const described = await source.columns(TEMPERATURES.name, call)
  const columns = described.filter(({ name }) => name === 'station_id' || name === 'date')
  const [stationAt, dateAt] = ['station_id', 'date'].map(name => columns.findIndex(column => column.name === name))
  for (const limit of LOOK_BACK_ROWS) {
    const query = { table: TEMPERATURES.name, key: TEMPERATURES.key, columns, descending: true, limit }
    const rows = await source.rowsByKey(query, call)
    for (const row of rows) {
      const station = STATIONS.indexOf(String(row[stationAt!]))
      const day = dayOf(String(row[dateAt!]))
      if (station >= 0 && day !== undefined) return after(day, station)
    }
    if (rows.length < limit) break
  }
  return { day: 0, station: 0 }
}

function after(day: number, station: number): TableEnd {
  return station + 1 < STATIONS.length ? { day, station: station + 1 } : { day: day + 1, station: 0 }
}
