import type { Connection, RowDataPacket } from 'mysql2/promise'
import type { CountyAverage } from '../../src/loans/loans.ts'

/** The counties of Wisconsin. */
export const COUNTIES: readonly number[] = [...Array.from({ length: 71 }, (_, index) => 55001 + 2 * index), 55078].sort(
  (a, b) => a - b,
)

/** A connection to a database of a test's own, or a pool of them. */
export interface LoansDatabase {
  connection: Pick<Connection, 'query'>
}

/** What is to be known of a county: the average, rounded down, and of how many loans. */
export type Figures = Map<number, [averageLoan: number, loans: number]>

/** Makes both tables: counties of very different sizes, some loans without one, and text that does not compress. */
export async function fillLoans({ connection }: LoansDatabase, loans: number): Promise<void> {
  await connection.query('CREATE TABLE loan_types (id BIGINT, loan_type_name TEXT)')
  await connection.query(`INSERT INTO loan_types VALUES (1, 'Conventional'), (2, 'FHA')`)
  await connection.query('CREATE TABLE counties (place INT PRIMARY KEY, county_code BIGINT)')
  await connection.query('INSERT INTO counties VALUES ?', [COUNTIES.map((county, place) => [place, county])])
  await connection.query(
    'CREATE TABLE loans (id BIGINT PRIMARY KEY, loan_type_id BIGINT, county_code BIGINT, loan_amount DOUBLE, remarks TEXT)',
  )
  await connection.query(
    `INSERT INTO loans
      SELECT seq, 1 + seq % 2, county_code, 5000 + 10000 * (seq * 31 % 90), CONCAT(SHA2(seq, 512), SHA2(-seq, 512), SHA2(seq + 0.5, 512))
      FROM seq_1_to_${loans} LEFT JOIN counties ON place = FLOOR(74 * POW((seq * 7919 % ${loans}) / ${loans}, 2))`,
  )
}

/** Every loan becomes larger by so much, and every average with it. */
export async function raiseLoans({ connection }: LoansDatabase, by: number): Promise<void> {
  await connection.query('UPDATE loans SET loan_amount = loan_amount + ?', [by])
}

/** As the database itself has them. */
export async function trueFigures({ connection }: LoansDatabase): Promise<Figures> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT county_code AS county, FLOOR(AVG(loan_amount)) AS average, COUNT(*) AS loans
      FROM loans JOIN loan_types ON loans.loan_type_id = loan_types.id
      WHERE loan_amount > 30000 AND loan_amount < 800000 AND county_code IS NOT NULL GROUP BY county_code ORDER BY county_code`,
  )
  return new Map(rows.map(({ county, average, loans }) => [county, [Number(average), loans]]))
}

export function figuresOf(averages: readonly CountyAverage[]): Figures {
  return new Map(averages.map(({ countyCode, averageLoan, loans }) => [countyCode, [averageLoan, loans]]))
}

export function sourcesOf(averages: readonly CountyAverage[]): Map<number, string> {
  return new Map(averages.map(({ countyCode, source }) => [countyCode, source]))
}
