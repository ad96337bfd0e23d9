/** The loans of one version of the source, by county. */
export type Generation = CountyGroup[]

export interface CountyGroup {
  generation: number
  county: number | null
  loans: number
  total: number
}

/** SQL in the source. */
export interface SourceTables {
  /** FROM this come the whole numbers n from 1 to `last`. */
  numbers: (last: number) => string
  run: (statements: readonly string[]) => Promise<void>
  rows: (sql: string) => Promise<unknown[][]>
}

export const COUNTIES: readonly number[] = [55001, 55003, 55005, 55007, 55009, 55011, 55013, 55015]
const LOANS = 6_000
/** Text of 32 random characters, so many times: the file then has several blocks of HDFS. */
const NOTES = 16

/** Makes both tables; every generation has other amounts and another number of loans in each county, and some without a county. */
export function loansSql(generation: number, numbers: SourceTables['numbers']): string[] {
  const notes = Array.from({ length: NOTES }, (_, index) => `MD5(CONCAT(n, '-', ${generation}, '-', ${index}))`)
  const groups = COUNTIES.length + 1
  return [
    'DROP TABLE IF EXISTS loans',
    'DROP TABLE IF EXISTS loan_types',
    `CREATE TABLE loan_types AS SELECT 1 AS id, 'Conventional' AS loan_type_name UNION ALL SELECT 2, 'FHA'`,
    `CREATE TABLE loans AS SELECT n, ${generation} AS generation, 1 + n % 2 AS loan_type_id,
       CASE WHEN n % ${groups} = 0 THEN NULL ELSE ${COUNTIES[0]! - 2} + 2 * (n % ${groups}) END AS county_code,
       105000 + 10000 * (n % 50) + 1000 * ${generation} AS loan_amount, CONCAT(${notes.join(', ')}) AS notes
     FROM ${numbers(LOANS + groups * generation)}`,
  ]
}

/** What `table` holds, in the SQL that all the databases here share; ascending by county, those without one last. */
export async function groupsIn(rows: SourceTables['rows'], table: string): Promise<Generation> {
  const found = await rows(
    `SELECT generation, county_code, COUNT(*), SUM(loan_amount) FROM ${table} GROUP BY generation, county_code`,
  )
  return found
    .map(([generation, county, loans, total]) => ({
      generation: Number(generation),
      county: county === null ? null : Number(county),
      loans: Number(loans),
      total: Number(total),
    }))
    .sort((a, b) => (a.county ?? Number.POSITIVE_INFINITY) - (b.county ?? Number.POSITIVE_INFINITY))
}

export function averagesIn(generation: Generation): { county: number; loans: number; average: number }[] {
  return generation.flatMap(({ county, loans, total }) =>
    county === null ? [] : [{ county, loans, average: Math.floor(total / loans) }],
  )
}
