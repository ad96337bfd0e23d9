import { MillraceError } from '../errors.ts'
import { shownValue } from '../shownValue.ts'

const LEAST_COUNTY_CODE = 1_001
const MOST_COUNTY_CODE = 99_999

/** A county code as a user gives it. BAD_USER_INPUT that says what a county code is. */
export function parseCountyCode(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= LEAST_COUNTY_CODE && value <= MOST_COUNTY_CODE) {
    return value
  }
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a county code, the five-digit county FIPS code as an Int from ${LEAST_COUNTY_CODE} to ${MOST_COUNTY_CODE}, but got ${shownValue(value)}.`,
    { hint: 'The first two digits are the state, the other three the county: 55025 is Dane County, Wisconsin.' },
  )
}
