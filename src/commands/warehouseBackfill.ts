import { MillraceError } from '../errors.ts'
import { calendarDate, defineCommand, required } from './command.ts'
import { runDates } from './runDates.ts'

const DAY_MILLIS = 86_400_000
const MOST_DAYS = 3_660

export const warehouseBackfill = defineCommand({
  name: 'warehouse backfill',
  summary:
    'run every date of a range, the earliest first; again after Ctrl-C or a failure, it goes on with what is missing',
  inputs: {
    from: required('--from <date>', 'the first date', calendarDate),
    to: required('--to <date>', 'the last date, included', calendarDate),
  },
  run: (context, { from, to }) => runDates(context, datesBetween(from, to)),
  show: runs => runs.map(({ message }) => message).join('\n'),
})

function datesBetween(from: string, to: string): string[] {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MILLIS + 1
  if (days >= 1 && days <= MOST_DAYS) {
    return Array.from({ length: days }, (_, index) =>
      new Date(Date.parse(from) + index * DAY_MILLIS).toISOString().slice(0, 10),
    )
  }
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected 1 to ${MOST_DAYS} days, but --from ${from} --to ${to} has ${days}.`,
    {
      hint: 'The range has both dates in it, and --from is not after --to.',
    },
  )
}
