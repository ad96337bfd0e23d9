import type { Call } from '../../datasources/call.ts'
import { systemClock } from '../../datasources/clock.ts'
import type { Row } from '../../datasources/source.ts'
import { hasCode } from '../../errors.ts'
import { untilSettled } from '../settled.ts'
import { TEMPERATURES } from '../temperaturesTable.ts'
import { GENERATOR_DEFAULTS, type Generator, type GeneratorOptions, type GeneratorState } from './generator.ts'
import { dateOf, type StationDays, stationDays } from './stationDays.ts'
import { type TableEnd, tableEnd } from './tableEnd.ts'

const COLUMNS = TEMPERATURES.columns.map(column => column.name)
/** So many days are added at once, where the delay asks for that many or the source was slow. */
const MOST_DAYS = 500
/** How long an INSERT whose answer was lost may still go on, where the source does not show its transactions. */
const BLIND_WAIT_MILLIS = 5_000

export function createGenerator({
  source,
  settings: changed,
  clock = systemClock,
  onAdded,
}: GeneratorOptions): Generator {
  const settings = { ...GENERATOR_DEFAULTS, ...changed }
  const { delayMillis, days: daysWanted = Number.POSITIVE_INFINITY } = settings
  const state: GeneratorState = { lastDate: null, rows: 0, trouble: null }
  /** Whether rows may have been added without our knowing. */
  let inDoubt = false

  async function run(signal: AbortSignal): Promise<void> {
    const days = stationDays()
    let failures = 0
    try {
      while (!signal.aborted) {
        try {
          await generate(days, { signal }, () => {
            failures = 0
          })
          return
        } catch (error) {
          if (signal.aborted) return
          if (!hasCode(error, 'UNAVAILABLE')) throw error
          state.trouble = error.message
          const pauseMillis = Math.min(settings.firstPauseMillis * 2 ** failures++, settings.mostPauseMillis)
          await clock.pause(pauseMillis, signal).catch(() => {})
        }
      }
    } finally {
      days.close()
    }
  }

  /** From the end of the table, until something fails or all is there. */
  async function generate(days: StationDays, call: Call, onProgress: () => void): Promise<void> {
    await source.createTable(TEMPERATURES, call)
    if (inDoubt) await untilSettled({ source, clock, blindWaitMillis: BLIND_WAIT_MILLIS }, call)
    let { day, station }: TableEnd = await tableEnd(source, call)
    inDoubt = false
    if (day > 0) state.lastDate = dateOf(day - 1)
    const firstDay = day
    const startMillis = clock.nowMillis()
    while (day < daysWanted) {
      const until = Math.min(daysDue(firstDay, startMillis, day), daysWanted)
      const rows = rowsOf(days, { day, station }, until)
      inDoubt = true
      await source.append(TEMPERATURES.name, COLUMNS, rows, call)
      inDoubt = false
      day = until
      station = 0
      state.rows += rows.length
      state.lastDate = dateOf(day - 1)
      state.trouble = null
      onProgress()
      onAdded?.(state.lastDate)
      const dueMillis = startMillis + (day - firstDay) * delayMillis
      if (day < daysWanted) await clock.pause(Math.max(0, dueMillis - clock.nowMillis()), call.signal)
    }
  }

  /** Day `firstDay` is due at once; what is due and has not been added is added together. At least one. */
  function daysDue(firstDay: number, startMillis: number, day: number): number {
    const due = delayMillis === 0 ? MOST_DAYS : Math.floor((clock.nowMillis() - startMillis) / delayMillis) + 1
    const behind = delayMillis === 0 ? due : firstDay + due - day
    return day + Math.max(1, Math.min(behind, MOST_DAYS))
  }

  return { run, state: () => ({ ...state }) }
}

/** The reports from `start` to before day `until`. */
function rowsOf(days: StationDays, { day: first, station }: TableEnd, until: number): Row[] {
  const rows: Row[] = []
  for (let day = first; day < until; day++) {
    const reports = days.reports(day)
    for (const { stationId, date, degrees } of day === first ? reports.slice(station) : reports) {
      rows.push([stationId, date, degrees])
    }
  }
  return rows
}
