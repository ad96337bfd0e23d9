import { Cron } from 'croner'
import type { Clock } from '../datasources/clock.ts'
import type { Warehouse } from '../datasources/warehouse.ts'
import { hasCode, MillraceError } from '../errors.ts'
import type { Jobs } from '../jobs/job.ts'
import { DATASET, type WarehouseDomain } from './warehouse.ts'

/** When dates are run by themselves. */
export interface ScheduleSettings {
  /** Five fields of cron, or six with seconds first. */
  pattern: string
  /** Of the pattern, and of what "yesterday" is: "Europe/Berlin". */
  timeZone: string
  /** How many days back a date that is missing is still run. */
  catchUpDays: number
}

export interface ScheduleOptions extends ScheduleSettings {
  domain: Pick<WarehouseDomain, 'run'>
  warehouse: Warehouse
  jobs: Jobs
  clock: Clock
  /** Told what an operator may want to know. */
  note: (message: string, details: object) => void
}

export interface Schedule {
  close(): Promise<void>
}

const DAY_MILLIS = 86_400_000
/** Timers are off after a machine has slept, and cannot be longer than 24 days. */
const LONGEST_PAUSE_MILLIS = 60_000
const MOST_LOADS = 10_000

/** What is wrong with a pattern or a time zone; null where nothing is. */
export function scheduleProblem({ pattern, timeZone }: Pick<ScheduleSettings, 'pattern' | 'timeZone'>): string | null {
  try {
    new Cron(pattern, { paused: true, timezone: timeZone }).nextRun()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Runs the day before whenever the pattern says so, and the dates that were missed since the last publication, at the start too. Of several servers
 * that share a warehouse one does it at a time. What fails is tried again the next time, as long as it is not too long ago.
 */
export function startSchedule(options: ScheduleOptions): Schedule {
  const { clock, note, pattern, timeZone } = options
  const closing = new AbortController()
  const { signal } = closing
  const cron = new Cron(pattern, { paused: true, timezone: timeZone })

  async function goOn(): Promise<void> {
    await runDue(options, signal)
    for (;;) {
      const next = cron.nextRun(new Date(clock.nowMillis()))
      if (next === null) return
      while (clock.nowMillis() < next.getTime()) {
        await clock.pause(Math.min(next.getTime() - clock.nowMillis(), LONGEST_PAUSE_MILLIS), signal)
      }
      await runDue(options, signal)
    }
  }

  const running = goOn().catch((error: unknown) => {
    if (!signal.aborted) note('the schedule of the warehouse has ended', { err: error })
  })
  return {
    async close() {
      closing.abort(new MillraceError('CANCELLED', 'The schedule was ended.'))
      await running
    },
  }
}

async function runDue(options: ScheduleOptions, signal: AbortSignal): Promise<void> {
  const { warehouse, note } = options
  try {
    await warehouse.exclusively(
      `schedule ${DATASET}`,
      0,
      async lost => {
        for (const date of await dueDates(options, signal))
          await runDate(options, date, AbortSignal.any([signal, lost]))
      },
      { signal },
    )
  } catch (error) {
    signal.throwIfAborted()
    // Another server is at it.
    if (!hasCode(error, 'CONFLICT')) note('the scheduled dates could not be run', { err: error })
  }
}

/** The dates up to yesterday that are not published, ascending: none before the first one ever, or before the days to catch up. */
export async function dueDates(
  {
    warehouse,
    clock,
    timeZone,
    catchUpDays,
  }: Pick<ScheduleOptions, 'warehouse' | 'clock' | 'timeZone' | 'catchUpDays'>,
  signal: AbortSignal,
): Promise<string[]> {
  const yesterday = plusDays(dateIn(timeZone, clock.nowMillis()), -1)
  const loads = await warehouse.loads({ dataset: DATASET, first: MOST_LOADS }, { signal })
  const published = new Set(loads.map(({ date }) => date))
  const first = loads.at(-1)?.date ?? yesterday
  const due: string[] = []
  for (let date = plusDays(yesterday, 1 - Math.max(1, catchUpDays)); date <= yesterday; date = plusDays(date, 1)) {
    if (date >= first && !published.has(date)) due.push(date)
  }
  return due
}

async function runDate({ domain, jobs, note }: ScheduleOptions, date: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { id } = domain.run(date)
  const cancel = () => void jobs.cancel(id).catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const { state, message } = await jobs.finished(id)
    if (state !== 'SUCCEEDED') note('a scheduled date did not succeed', { date, state, reason: message })
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** YYYY-MM-DD. */
function dateIn(timeZone: string, millis: number): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    millis,
  )
}

function plusDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY_MILLIS).toISOString().slice(0, 10)
}
