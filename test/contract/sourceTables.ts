import type { RowQuery, SourceColumn } from '../../src/datasources/source.ts'

/** A table that both databases can be given with the same statements. */
export interface TestTable {
  name: string
  columns: readonly (readonly [name: string, type: 'BIGINT' | 'DOUBLE' | 'TEXT'])[]
  /** SQL literals, or the SELECT that yields the rows. */
  rows: readonly (readonly string[])[] | { select: string }
}

/** Names that break an SQL statement, or a prepared one, unless they are quoted as the database wants it. */
export const ODD_NAMES = [
  'with-hyphen',
  'with `backquotes`',
  'with "double" quotes',
  "with 'single' quotes",
  'größe, naïve, 日本',
  'select',
  'order',
  'a.b',
  'with a space',
  'question?',
  '$1',
  '100%',
  'back\\slash',
  'semi;colon -- #',
] as const
export const ODD_TABLE = 'odd `name" of-a table'

export const LOANS: TestTable = {
  name: 'loans',
  columns: [
    ['id', 'BIGINT'],
    ['county_code', 'DOUBLE'],
    ['loan_type_id', 'BIGINT'],
    ['loan_amount', 'DOUBLE'],
    ['note', 'TEXT'],
  ],
  rows: [
    ['1', '55025', '1', '35000', "'first'"],
    ['2', '55025', '2', '795000', "''"],
    ['3', 'NULL', '1', '205000.5', 'NULL'],
    ['-9223372036854775808', '55001', '1', '100000', "'über 🌍 日本'"],
    ['9223372036854775807', '55001', '1', '100000', '\'line\nbreak\tand "quotes"\''],
    ['9007199254740992', '55001', '1', '100000', "'null'"],
    // At the ends of the range, beyond them, or nothing at all.
    ['10', '55025', '1', '30000', "'not in range'"],
    ['11', '55025', '1', '800000', "'not in range'"],
    ['12', '55025', '1', '5000', "'not in range'"],
    ['13', '55025', '1', '805000', "'not in range'"],
    ['14', '55025', '1', 'NULL', "'not in range'"],
    // Of no type, or of one that is not there.
    ['15', '55025', 'NULL', '100000', "'no partner'"],
    ['16', '55025', '9', '100000', "'no partner'"],
  ],
}

export const LOAN_TYPES: TestTable = {
  name: 'loan_types',
  columns: [
    ['id', 'BIGINT'],
    ['loan_type_name', 'TEXT'],
  ],
  rows: [
    ['1', "'Conventional'"],
    ['2', "'FHA'"],
    ['3', "'VA'"],
    ['NULL', "'None'"],
  ],
}

const ODD: TestTable = {
  name: ODD_TABLE,
  columns: ODD_NAMES.map(name => [name, 'BIGINT'] as const),
  rows: [ODD_NAMES.map((_, index) => String(index))],
}

const DIGITS: TestTable = {
  name: 'digits',
  columns: [['digit', 'BIGINT']],
  rows: Array.from({ length: 10 }, (_, digit) => [String(digit)]),
}

/** 100,000 rows. Joined with itself on `same` it has 10,000,000,000. */
const MANY: TestTable = {
  name: 'many',
  columns: [
    ['id', 'BIGINT'],
    ['same', 'BIGINT'],
    ['amount', 'DOUBLE'],
    ['label', 'TEXT'],
  ],
  rows: {
    select:
      'SELECT a.digit + 10 * b.digit + 100 * c.digit + 1000 * d.digit + 10000 * e.digit, 1, a.digit * 100.5,' +
      " concat('row of the digit ', a.digit) FROM digits a, digits b, digits c, digits d, digits e",
  },
}

export const TABLES: readonly TestTable[] = [LOANS, LOAN_TYPES, ODD, DIGITS, MANY]

/** The statements that make a table. */
export function statementsFor({ name, columns, rows }: TestTable, quote: (name: string) => string): string[] {
  const definitions = columns.map(([column, type]) => `${quote(column)} ${type}`)
  const values = 'select' in rows ? rows.select : `VALUES ${rows.map(row => `(${row.join(', ')})`).join(', ')}`
  return [`CREATE TABLE ${quote(name)} (${definitions.join(', ')})`, `INSERT INTO ${quote(name)} ${values}`]
}

export function loansQuery(columns: SourceColumn[]): RowQuery {
  return {
    table: 'loans',
    columns,
    join: {
      table: 'loan_types',
      on: { left: 'loan_type_id', right: 'id' },
      columns: [{ name: 'loan_type_name', type: { kind: 'text' } }],
    },
    where: { column: 'loan_amount', above: 30_000, below: 800_000 },
  }
}

/** 10,000,000,000 rows: more than any reader waits for. */
export function endlessQuery(columns: SourceColumn[]): RowQuery {
  return {
    table: 'many',
    columns,
    join: { table: 'many', on: { left: 'same', right: 'same' }, columns: [] },
    where: { column: 'id', above: -1, below: 1_000_000 },
  }
}
