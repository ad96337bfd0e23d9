import { MillraceError } from '../errors.ts'
import type { Context } from './command.ts'
import { runDate } from './warehouseRun.ts'

export interface DateRun {
  date: string
  message: string
}

/** Runs dates one after the other, in the order given; the first failure ends it and says which date it was. */
export async function runDates(context: Context, dates: readonly string[]): Promise<DateRun[]> {
  const runs: DateRun[] = []
  for (const date of dates) {
    try {
      const { message } = await runDate(context, date, { force: false })
      runs.push({ date, message: message ?? 'done' })
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      const done = runs.length === 0 ? 'None was run before it' : `${runs.length} of ${dates.length} were run before it`
      throw new MillraceError(error.code, `${date} failed: ${error.message}`, {
        hint: `${done}. When it is mended, the same command goes on from there.`,
        cause: error,
      })
    }
  }
  return runs
}
