import { describe, expect, test } from 'vitest'
import { duckdbSql } from '../../src/datasources/duckdbQuery.ts'
import { readQuery, sqlProblemOf } from '../../src/datasources/sqlProblem.ts'
import { placeOf, readSql } from '../../src/datasources/sqlText.ts'

const namesIn = (sql: string) => readSql(sql).parameters.map(({ name }) => name)

describe('SQL', () => {
  test.each<[sql: string, names: string[]]>([
    ['SELECT :a, :b_2, :a', ['a', 'b_2', 'a']],
    ["SELECT ':no', 'it''s :no', :yes", ['yes']],
    ['SELECT ":no" AS "a "" :no", `:no`, :yes', ['yes']],
    ['SELECT 1 -- :no\n, :yes -- :no', ['yes']],
    ['SELECT /* :no \n */ :yes /* :no', ['yes']],
    ['SELECT a::date, :b::date', ['b']],
    ["SELECT ':unfinished", []],
    ['', []],
  ])('has its parameters found outside of texts, names, comments and casts: %j', (sql, names) => {
    expect(namesIn(sql)).toEqual(names)
  })

  test.each([
    ['SELECT 1;', 'SELECT 1'],
    ['SELECT 1 ; ;\n-- end\n/* end */ ', 'SELECT 1'],
    ["SELECT ';'", "SELECT ';'"],
    ['-- nothing', ''],
  ])('loses what follows its end: %j', (sql, text) => {
    expect(readSql(sql).text).toBe(text)
  })

  test('has places counted as an editor counts them', () => {
    expect(placeOf('a\nbcd', 0)).toEqual({ line: 1, column: 1 })
    expect(placeOf('a\nbcd', 4)).toEqual({ line: 2, column: 3 })
    expect(placeOf('🌍🌍x', 4)).toEqual({ line: 1, column: 3 })
  })

  test.each([
    ['SELECT 1', true],
    ['  -- first\n/* and */ WITH a AS (SELECT 1) SELECT * FROM a', true],
    ['(SELECT 1)', true],
    ['CREATE TABLE a (b INT)', false],
    ['-- SELECT\nDELETE FROM a', false],
    ['SELECTED', false],
  ])('is a query or is refused: %j', (sql, accepted) => {
    const read = () => readQuery('Spark', sql, {})
    if (accepted) expect(read()).toBeTruthy()
    else expect(read).toThrow(/expected a single SELECT/)
  })

  test('with a value that nobody gave says which, and where', () => {
    let caught: unknown
    try {
      readQuery('Spark', 'SELECT :a,\n  :b', { a: 1 })
    } catch (error) {
      caught = error
    }
    expect(sqlProblemOf(caught)).toEqual({
      said: 'expected a value for :b, there is one for :a',
      errorClass: null,
      place: { line: 2, column: 3 },
    })
  })
})

test('values go into DuckDB as literals, and places behind them are still those of the SQL', () => {
  const values = { day: "2026'; DROP TABLE x", n: 5, real: 0.5, big: 2n ** 62n, yes: false, none: null }
  const sql = duckdbSql('SELECT :day, :n, :real, :big, :yes, :none, ü, nope', values)
  expect(sql.text).toBe(
    `SELECT '2026''; DROP TABLE x', CAST(5 AS BIGINT), CAST('0.5' AS DOUBLE), CAST(4611686018427387904 AS BIGINT), FALSE, NULL, ü, nope`,
  )
  const offset = Buffer.byteLength(sql.text.slice(0, sql.text.indexOf('nope')))
  expect(sql.placeOf(offset)).toEqual({ line: 1, column: 47 })
  expect(() => duckdbSql('SELECT :a', { a: '\0' })).toThrow(/NUL/)
})
