import { expect, test } from 'vitest'
import { countyName, WISCONSIN_COUNTIES } from '../../src/loans/countyNames.ts'

test('Wisconsin has 72 counties: the odd codes from 55001 to 55141, and 55078', () => {
  const odd = Array.from({ length: 71 }, (_, index) => 55_001 + 2 * index)
  expect(WISCONSIN_COUNTIES.map(({ code }) => code)).toEqual([...odd, 55_078].toSorted((one, other) => one - other))
})

test('their people add up to those of the state in the census of 2020', () => {
  expect(WISCONSIN_COUNTIES.reduce((sum, { population }) => sum + population, 0)).toBe(5_893_718)
})

test('a county has its Census name, and no other code has one', () => {
  expect(countyName(55_025)).toBe('Dane County')
  expect(countyName(55_078)).toBe('Menominee County')
  expect(countyName(55_109)).toBe('St. Croix County')
  expect(countyName(55_141)).toBe('Wood County')
  expect(countyName(55_002)).toBeUndefined()
})
