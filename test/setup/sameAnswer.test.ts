import { expect, test } from 'vitest'
import { type Answer, differences, expectSameAnswer } from './sameAnswer.ts'

const COLUMNS: Answer['columns'] = [
  { name: 'mean', type: { kind: 'float', bits: 64 } },
  { name: 'region', type: { kind: 'text' } },
]
const answer = (...rows: Answer['rows']): Answer => ({ columns: COLUMNS, rows })

test('answers are the same in any order, and with floats that differ by rounding', () => {
  const one = answer([0.1 + 0.2, 'b'], [1e12, 'a'], [null, null], [Number.NaN, 'c'])
  const other = answer([null, null], [1e12 + 0.0001, 'a'], [Number.NaN, 'c'], [0.3, 'b'])
  expectSameAnswer(one, other)
})

test('answers differ by a value, a row more, a column of another kind', () => {
  const one = answer([1, 'a'], [2, 'b'])
  expect(differences(one, answer([1, 'a'], [2.00001, 'b']))).toEqual(['row 1: 2, b | 2.00001, b'])
  expect(differences(one, answer([1, 'a'], [2, 'b'], [2, 'b']))).toEqual(['rows: 2 | 3'])
  expect(differences(one, answer([1, 'a'], [null, 'b']))).toEqual(['row 1: 2, b | null, b'])
  const text: Answer = { ...one, columns: COLUMNS.map(column => ({ ...column, type: { kind: 'text' } as const })) }
  expect(differences(one, text)).toEqual(['columns: mean float, region text | mean text, region text'])
})
