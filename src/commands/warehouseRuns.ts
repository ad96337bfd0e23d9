import { WarehouseRunsDocument, type WarehouseRunsQuery } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand, wholeNumber, withDefault } from './command.ts'
import { formatTable } from './table.ts'
import { formatMillis } from './words.ts'

type Run = NonNullable<WarehouseRunsQuery['warehouseRuns']>[number]

export const warehouseRuns = defineCommand({
  name: 'warehouse runs',
  summary: 'the history of runs, the newest logical date first',
  inputs: { first: withDefault('-n, --first <count>', 'how many', wholeNumber, '30') },
  async run({ request }, { first }) {
    const { warehouseRuns } = await request(WarehouseRunsDocument, { first })
    return present(warehouseRuns)
  },
  show: runs =>
    runs.length === 0
      ? 'no runs'
      : formatTable(['DATE', 'STATE', 'ATTEMPTS', 'TOOK', 'STEPS', 'MESSAGE'], runs.map(formatRun)),
})

function formatRun(run: Run): (string | number)[] {
  const { date, state, attempts, startedAt, finishedAt, steps } = run
  const done = steps.filter(step => step.state === 'SUCCEEDED').length
  const took = startedAt && finishedAt ? formatMillis(Date.parse(finishedAt) - Date.parse(startedAt)) : ''
  const stuck = steps.find(step => step.state !== 'SUCCEEDED' && step.state !== 'QUEUED')
  return [date, state, attempts, took, `${done}/${steps.length}`, stuck ? `${stuck.name}: ${stuck.message ?? ''}` : '']
}
