import { PlanWarehouseDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { calendarDate, defineCommand, parsedArgument } from './command.ts'
import { formatTable } from './table.ts'

export const warehousePlan = defineCommand({
  name: 'warehouse plan',
  summary: 'what a run of a date would do: inputs found, steps, rows that would be replaced; it changes nothing',
  inputs: { date: parsedArgument('<date>', 'the logical date, for example 2026-11-20', calendarDate) },
  async run({ request }, { date }) {
    const { planWarehouse } = await request(PlanWarehouseDocument, { date })
    return present(planWarehouse)
  },
  show: ({ steps, problems }) =>
    [
      formatTable(
        ['STEP', 'STATE', 'WHAT'],
        steps.map(({ name, state, message }) => [name, state === 'SUCCEEDED' ? 'done' : 'to do', message ?? '']),
      ),
      ...problems.map(problem => `problem: ${problem}`),
    ].join('\n'),
})
