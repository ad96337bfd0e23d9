import { WarehouseRunsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { calendarDate, defineCommand, optional } from './command.ts'
import { runDates } from './runDates.ts'

const MOST_RUNS = 1_000

export const warehouseRetry = defineCommand({
  name: 'warehouse retry',
  summary:
    'run again what failed, was cancelled or was interrupted, the earliest date first; only what is missing is done',
  inputs: { date: optional('--date <date>', 'only this date', calendarDate) },
  async run(context, { date }) {
    const { warehouseRuns } = await context.request(WarehouseRunsDocument, { first: MOST_RUNS })
    const unfinished = present(warehouseRuns).filter(
      run => run.state === 'FAILED' || run.state === 'CANCELLED' || run.state === 'INTERRUPTED',
    )
    const dates = unfinished.map(run => run.date).filter(found => date === undefined || found === date)
    return runDates(context, dates.reverse())
  },
  show: runs => (runs.length === 0 ? 'Nothing is to be run again.' : runs.map(({ message }) => message).join('\n')),
})
