import type { SourceColumn } from '../datasources/source.ts'

/** A column of citizens_data.csv: how its values are read, and what is said of one that cannot be. */
export interface CitizenColumn extends SourceColumn {
  /** Whether the field may be empty; it is NULL then. */
  optional?: boolean
  /** For messages: "expected <this>". */
  expected: string
}

const TEXT = { type: { kind: 'text' }, expected: 'some text' } as const
const TIMESTAMP = {
  type: { kind: 'timestamp', utc: false },
  expected: 'a date and time such as 2026-11-20 08:15:00',
} as const

/** The header of citizens_data.csv, in its order. */
export const CITIZEN_COLUMNS: readonly CitizenColumn[] = [
  { name: 'citizen_id', type: { kind: 'integer', bits: 64, signed: true }, expected: 'a whole number' },
  { name: 'full_name', ...TEXT },
  { name: 'gender', ...TEXT },
  { name: 'birth_date', type: { kind: 'date' }, expected: 'a date such as 1984-02-29' },
  { name: 'marital_status', ...TEXT },
  { name: 'region', ...TEXT },
  { name: 'city', ...TEXT },
  { name: 'occupation', ...TEXT },
  {
    name: 'annual_income',
    type: { kind: 'float', bits: 64 },
    optional: true,
    expected: 'an amount such as 45230.50, or nothing',
  },
  { name: 'registered_at', ...TIMESTAMP },
  { name: 'updated_at', ...TIMESTAMP },
]

export const CITIZENS_FILE = 'citizens_data.csv'
