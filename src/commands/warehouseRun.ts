import type { JobFieldsFragment } from '../client/generated/graphql.ts'
import { RunWarehouseDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { type Context, calendarDate, defineCommand, flag, parsedArgument } from './command.ts'
import { followJob } from './followJob.ts'

export const warehouseRun = defineCommand({
  name: 'warehouse run',
  summary: 'bring a date into the warehouse: ingest, transform, stage, test, publish; Ctrl-C cancels the run',
  inputs: {
    date: parsedArgument('<date>', 'the logical date, for example 2026-11-20', calendarDate),
    force: flag('--force', 'ingest anew, and replace what is landed where another file has come since'),
  },
  run: (context, { date, force }) => runDate(context, date, { force }),
  show: job => job.message ?? 'done',
})

/** Starts a run and follows it to its end; throws what it failed with. */
export async function runDate(
  { connect, progress, terminal }: Context,
  date: string,
  { force }: { force: boolean },
): Promise<JobFieldsFragment> {
  const client = await connect()
  const { runWarehouse } = await client.request(RunWarehouseDocument, { date, force })
  return followJob(client, present(runWarehouse).id, { display: progress(date), signal: terminal.signal })
}
