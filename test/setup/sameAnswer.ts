import { expect } from 'vitest'
import type { RowStream } from '../../src/datasources/rowStream.ts'
import type { Row, SourceColumn } from '../../src/datasources/source.ts'

/** Columns and rows of an answer, in any order of rows. */
export interface Answer {
  columns: readonly SourceColumn[]
  rows: Row[]
}

/** Two floats are the same where they differ by no more than this part of the larger one, or by this at all. */
const TOLERANCE = 1e-9
const MOST_DIFFERENCES = 10

export async function answerOf(stream: RowStream): Promise<Answer> {
  const rows: Row[] = []
  for await (const batch of stream.rows()) rows.push(...batch)
  return { columns: stream.columns, rows }
}

/** Expects the same columns, by name and kind of value, and the same rows as often; floats may differ by rounding. */
export function expectSameAnswer(one: Answer, other: Answer): void {
  expect(differences(one, other)).toEqual([])
}

/** What is different, the first few of it, for people. */
export function differences(one: Answer, other: Answer): string[] {
  const [left, right] = [one, other].map(({ columns }) =>
    columns.map(({ name, type }) => `${name} ${type.kind}`).join(', '),
  )
  if (left !== right) return [`columns: ${left} | ${right}`]
  const found: string[] = []
  if (one.rows.length !== other.rows.length) found.push(`rows: ${one.rows.length} | ${other.rows.length}`)
  const ordered = [one, other].map(answer => inOrder(answer))
  for (let index = 0; index < Math.min(one.rows.length, other.rows.length); index++) {
    const rows = ordered.map(sorted => sorted[index]!) as [Row, Row]
    if (rows[0].every((value, column) => same(value, rows[1][column]))) continue
    found.push(`row ${index}: ${rows.map(shown).join(' | ')}`)
    if (found.length >= MOST_DIFFERENCES) break
  }
  return found
}

/** By what is exact first, so that a float that differs a little does not put its row elsewhere. */
function inOrder({ columns, rows }: Answer): Row[] {
  const places = columns.map((_, index) => index)
  const isFloat = (index: number) => columns[index]!.type.kind === 'float'
  const order = [...places.filter(index => !isFloat(index)), ...places.filter(isFloat)]
  return rows.toSorted((left, right) => {
    for (const index of order) {
      const compared = compare(left[index], right[index])
      if (compared !== 0) return compared
    }
    return 0
  })
}

/** NULL first. Values of one column are of one kind, but for whole numbers beyond 2^53. */
function compare(left: unknown, right: unknown): number {
  if (left === null || right === null) return Number(right === null) - Number(left === null)
  if (same(left, right)) return 0
  if (typeof left === 'number' || typeof left === 'bigint') return left < (right as number) ? -1 : 1
  return shownValue(left) < shownValue(right) ? -1 : 1
}

function same(left: unknown, right: unknown): boolean {
  if (typeof left !== 'number' || typeof right !== 'number') return shownValue(left) === shownValue(right)
  if (Object.is(left, right) || left === right) return true
  return Math.abs(left - right) <= TOLERANCE * Math.max(1, Math.abs(left), Math.abs(right))
}

function shown(row: Row): string {
  return row.map(shownValue).join(', ')
}

function shownValue(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
}
