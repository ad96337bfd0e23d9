import { type Random, randomSql, text } from '../../randomSql.ts'
import { applicantColumns } from './applicantColumns.ts'
import { loanColumns } from './loanColumns.ts'
import { PLACES } from './places.ts'
import { LOAN_COLUMNS, SAMPLE_LOANS, SAMPLE_LOANS_IN_RANGE } from './schema.ts'

/** How many people one slot of the county lottery stands for. */
const PEOPLE_PER_SLOT = 100
/** The first ones make most of the loans. */
const LENDERS = 400
/** Has no factor in common with SAMPLE_LOANS: multiplying row numbers by it permutes them. */
const MULTIPLIER = 274_177

/** Loan amounts in steps of 10,000 dollars, ascending, each as likely as the others: what a typical county's loans are spread like. */
const AMOUNT_STEPS = [
  3, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 20,
  20, 21, 21, 22, 23, 23, 24, 25, 26, 27, 28, 29, 30, 31, 33, 34, 36, 38, 40, 43, 46, 50, 55, 62, 71,
]

/**
 * The SELECT that makes all rows of `loans`, in their order. It reads what prepareLoans() makes: the table `numbered_rows`
 * and the variables `places`, `county_slots` (a county's position in `places`, once per PEOPLE_PER_SLOT people) and
 * `lenders` (their identifiers).
 */
export function loansSelect(seed: number): string {
  const random = randomSql(seed, 'i')
  // What a census tract is like is the same for all its loans.
  const tractRandom = randomSql(seed, '(place.code * 1000 + tract)')
  const columns = { ...loanColumns(random, tractRandom), ...applicantColumns(random) }
  const select = LOAN_COLUMNS.map(([name, type]) => {
    const sql = columns[name]
    if (sql === undefined) throw new Error(`No SQL for the column ${name} of the sample.`)
    return `CAST(${sql} AS ${type}) AS ${name}`
  })
  return `WITH ${facts(seed, random)} SELECT ${select.join(',\n  ')} FROM facts`
}

/** What several columns of a row have to agree on, in three steps. */
function facts(seed: number, { draw, between, pick, chance }: Random): string {
  // A permutation of the row numbers, so that the count in range is exact.
  const position = `(i * ${MULTIPLIER} + ${(seed * 7_919) % SAMPLE_LOANS}) % ${SAMPLE_LOANS}`
  return `
chosen AS (
  SELECT i,
    ${position} < ${SAMPLE_LOANS_IN_RANGE} AS in_range,
    list_extract(getvariable('places'), 1 + list_extract(getvariable('county_slots'), 1 + ${draw('county', "len(getvariable('county_slots'))")})) AS place,
    ${chance('county is unknown', 5)} AS county_unknown,
    ${draw('lender a', LENDERS)} * ${draw('lender b', LENDERS)} // ${LENDERS} AS lender,
    ${pick('loan type', [
      [78, '1'],
      [12, '2'],
      [8, '3'],
      [2, '4'],
    ])} AS loan_type,
    ${pick('action', [
      [62, '1'],
      [2, '2'],
      [9, '3'],
      [11, '4'],
      [4, '5'],
      [12, '6'],
    ])} AS action,
    ${pick('purpose', [
      [37, '1'],
      [5, '2'],
      [33, '31'],
      [21, '32'],
      [3, '4'],
      [1, '5'],
    ])} AS purpose,
    ${chance('multifamily', 6)} AS multifamily,
    ${chance('manufactured', 14)} AS manufactured,
    ${chance('co-applicant', 465)} AS joint,
    ${chance('subordinate lien', 96)} AS subordinate,
    ${chance('business', 41)} AS business,
    ${chance('open end', 78)} AS open_end,
    ${pick(
      'step',
      AMOUNT_STEPS.map(step => [1, String(step)] as const),
    )} AS step
  FROM numbered_rows
),
facts AS (
  SELECT *,
    CASE WHEN county_unknown THEN NULL ELSE CAST(place.code AS BIGINT) END AS county,
    CASE WHEN county_unknown THEN NULL ELSE ${draw('tract', 'place.tracts')} END AS tract,
    lender >= 240 AS exempt,
    10000 * CASE
      WHEN in_range THEN greatest(3, least(79, step * place.percent // 100 + ${between('step offset', -1, 1)}))
      WHEN ${chance('small', 560)} THEN ${draw('small step', 3)}
      ELSE 80 + ${draw('large step a', 60)} * ${draw('large step b', 60)} // 20
    END + 5000 AS amount
  FROM chosen
)`
}

/** Statements that make what loansSelect() reads. */
export function prepareLoans(seed: number): string[] {
  const places = PLACES.map(
    ({ code, metropolitanArea, medianIncome, censusTracts, amountPercent }) =>
      `{code: ${code}, area: ${metropolitanArea}, income: ${medianIncome}, tracts: ${censusTracts}, percent: ${amountPercent}}`,
  )
  const slots = PLACES.flatMap(({ population }, index) =>
    Array.from({ length: Math.round(population / PEOPLE_PER_SLOT) }, () => index),
  )
  const random = randomSql(seed, 'range')
  const letters = text('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ')
  const letter = (position: number) => `substr(${letters}, 1 + ${random.draw(`identifier ${position}`, 36)}, 1)`
  const middle = Array.from({ length: 12 }, (_, position) => letter(position)).join(' || ')
  const identifier = `'549300' || ${middle} || lpad(CAST(${random.draw('identifier check', 98)} AS VARCHAR), 2, '0')`
  return [
    // Several threads share the scan of a table, and keep its order; they would not share a range().
    `CREATE TEMP TABLE numbered_rows AS SELECT CAST(range AS BIGINT) AS i FROM range(${SAMPLE_LOANS})`,
    `SET VARIABLE places = [${places.join(', ')}]`,
    `SET VARIABLE county_slots = CAST('[${slots.join(', ')}]' AS UTINYINT[])`,
    `SET VARIABLE lenders = (SELECT list(${identifier} ORDER BY range) FROM range(${LENDERS}))`,
  ]
}
