import type { Call } from '../datasources/call.ts'
import type { RowQuery, Source, SourceColumn } from '../datasources/source.ts'
import { MillraceError } from '../errors.ts'

export const AMOUNT = 'loan_amount'
export const COUNTY = 'county_code'
const TYPE_ID = 'loan_type_id'
const TYPE_NAME = 'loan_type_name'

/** The migration's SELECT, from the tables' own descriptions: whatever columns `loans` has today, and the type's name. */
export async function loansQuery(source: Source, call: Call): Promise<RowQuery> {
  const [loans, loanTypes] = await Promise.all([source.columns('loans', call), source.columns('loan_types', call)])
  for (const name of [TYPE_ID, AMOUNT, COUNTY]) columnOf('loans', loans, name)
  columnOf('loan_types', loanTypes, 'id')
  const typeName = columnOf('loan_types', loanTypes, TYPE_NAME)
  if (loans.some(({ name }) => name === TYPE_NAME)) {
    throw new MillraceError(
      'BAD_USER_INPUT',
      `Expected loans without a column ${TYPE_NAME}, which the join adds, but it has one.`,
      {
        hint: `Rename loans.${TYPE_NAME} in the source.`,
      },
    )
  }
  const amount = columnOf('loans', loans, AMOUNT)
  if (!['integer', 'decimal', 'float'].includes(amount.type.kind)) {
    throw new MillraceError(
      'BAD_USER_INPUT',
      `Expected numbers in loans.${AMOUNT}, found a column of kind ${amount.type.kind}.`,
      {
        hint: `Change the type of loans.${AMOUNT} to DOUBLE, DECIMAL or an integer.`,
      },
    )
  }
  return {
    table: 'loans',
    columns: loans,
    join: { table: 'loan_types', on: { left: TYPE_ID, right: 'id' }, columns: [typeName] },
    where: { column: AMOUNT, above: 30_000, below: 800_000 },
  }
}

/** The columns of the rows that the query gives. */
export function columnsOf(query: RowQuery): SourceColumn[] {
  return [...query.columns, ...query.join.columns]
}

/**
 * A county code in whatever type the source keeps it: 55025, "55025" and 55025.0 alike; null for NULL and for what is no code.
 */
export function countyCodeOf(value: unknown): number | null {
  if (value === null) return null
  const code = Number(value)
  return Number.isInteger(code) && code > 0 && code <= 99_999 ? code : null
}

function columnOf(table: string, columns: readonly SourceColumn[], name: string): SourceColumn {
  const column = columns.find(candidate => candidate.name === name)
  if (column) return column
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a column ${name} in the table ${table}, found only: ${columns.map(each => each.name).join(', ')}.`,
    { hint: `Point MILLRACE_SOURCE_URL at the database with the HMDA loans, or add ${table}.${name} there.` },
  )
}
