import { WarehouseRowsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { argument, calendarDate, defineCommand, optional, wholeNumber, withDefault } from './command.ts'
import { formatTable } from './table.ts'

export const warehouseRows = defineCommand({
  name: 'warehouse rows',
  summary: 'rows of a result table',
  inputs: {
    table: argument('<table>', 'the name of the table, for example agg_income'),
    date: optional('--date <date>', 'the logical date (default: the latest)', calendarDate),
    first: withDefault('-n, --first <count>', 'how many', wholeNumber, '20'),
  },
  async run({ request }, { table, date, first }) {
    const { warehouseRows } = await request(WarehouseRowsDocument, { table, date, first })
    return present(warehouseRows)
  },
  show: formatRows,
})

/** Rows of one table; a line break in a value is shown as "\n". */
export function formatRows(rows: readonly Record<string, unknown>[]): string {
  const columns = Object.keys(rows[0] ?? {})
  if (columns.length === 0) return 'no rows'
  return formatTable(
    columns.map(column => column.toUpperCase()),
    rows.map(row => columns.map(column => shown(row[column]))),
  )
}

function shown(value: unknown): string | number {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toFixed(4))
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value.replaceAll('\n', '\\n') : JSON.stringify(value)
}
