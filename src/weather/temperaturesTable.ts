import type { GrowingTable } from '../datasources/growingTables.ts'

/** The table of the source that weather comes from, as the generator makes it where it is missing. */
export const TEMPERATURES = {
  name: 'temperatures',
  key: 'id',
  columns: [
    { name: 'station_id', kind: 'text' },
    { name: 'date', kind: 'date' },
    { name: 'degrees', kind: 'float' },
  ],
} as const satisfies GrowingTable
