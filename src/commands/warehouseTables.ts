import { WarehouseTablesDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand } from './command.ts'
import { formatTable } from './table.ts'

export const warehouseTables = defineCommand({
  name: 'warehouse tables',
  summary: 'the result tables of the warehouse',
  inputs: {},
  async run({ request }) {
    const { warehouseTables } = await request(WarehouseTablesDocument, {})
    return present(warehouseTables)
  },
  show: tables =>
    formatTable(
      ['TABLE', 'ROWS', 'LATEST', 'DESCRIPTION'],
      tables.map(({ name, rows, latestDate, description }) => [name, rows, latestDate ?? 'never', description]),
    ),
})
