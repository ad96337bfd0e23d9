import { basename } from 'node:path'
import type { ColumnType, SourceColumn } from '../../datasources/source.ts'
import type { Check } from '../../datasources/warehouse.ts'
import { MillraceError } from '../../errors.ts'
import { nearestName } from '../../nearestName.ts'
import { shownValue } from '../../shownValue.ts'
import type { Transform } from './transform.ts'

const TYPES: Readonly<Record<string, ColumnType>> = {
  bigint: { kind: 'integer', bits: 64, signed: true },
  integer: { kind: 'integer', bits: 32, signed: true },
  double: { kind: 'float', bits: 64 },
  boolean: { kind: 'boolean' },
  text: { kind: 'text' },
  date: { kind: 'date' },
  timestamp: { kind: 'timestamp', utc: false },
}

const NAME = '[a-z_][a-z0-9_]{0,47}'
const KEYS = ['description', 'keeps', 'continues', 'test']
const TESTS = ['not null a, b', 'unique a, b', "accepted values a: 'x', 'y'", 'row count 1 to 1000']

/**
 * Reads a .sql file: comments at its top say what the table is, one "-- key: value" a line; the rest is one SELECT.
 *
 * Errors: BAD_USER_INPUT that names file and line, and what may stand there.
 */
export function parseTransform(file: string, sql: string): Transform {
  const name = basename(file, '.sql')
  if (!new RegExp(`^${NAME}$`).test(name)) {
    throw new MillraceError(
      'BAD_USER_INPUT',
      `Expected the file of a result table to be named in lower case letters, digits and "_", at most 48, but got ${shownValue(basename(file))}.`,
      { hint: 'The table gets the name of the file: agg_income.sql makes agg_income.' },
    )
  }
  const transform: Transform = { name, file, description: '', sql, keeps: 'every date', continues: null, tests: [] }
  for (const [index, text] of headerLines(sql).entries()) readLine(transform, { file, number: index + 1, text })
  if (transform.description !== '') return transform
  throw problem({ file, number: 1 }, 'expected a description', 'Begin the file with: -- description: what a row is')
}

interface Line {
  file: string
  number: number
  text: string
}

/** Comments and empty lines before the SELECT. */
function headerLines(sql: string): string[] {
  const lines = sql.split(/\r?\n/)
  const end = lines.findIndex(line => !/^\s*(--.*)?$/.test(line))
  return lines.slice(0, end === -1 ? lines.length : end)
}

function readLine(transform: Transform, line: Line): void {
  const [, key, value] = /^\s*--\s*([a-z]+):\s*(.*?)\s*$/.exec(line.text) ?? []
  if (key === undefined || value === undefined) return
  switch (key) {
    case 'description':
      transform.description = [transform.description, value].filter(Boolean).join(' ')
      return
    case 'keeps':
      if (value !== 'latest') throw problem(line, `expected "keeps: latest", got ${shownValue(value)}`)
      transform.keeps = 'latest'
      return
    case 'continues':
      transform.continues = value.split(',').map(column => readColumn(line, column))
      return
    case 'test':
      transform.tests.push(...checksOf(line, value).map(check => ({ check, line: line.number })))
      return
    default: {
      const near = nearestName(key, KEYS)
      if (near) throw problem(line, `there is no "${key}:"; did you mean "${near}:"?`)
    }
  }
}

function readColumn(line: Line, text: string): SourceColumn {
  const [, name, typeName] = new RegExp(`^(${NAME}) (\\w+)$`).exec(text.trim()) ?? []
  const type = typeName === undefined ? undefined : TYPES[typeName]
  if (name !== undefined && type !== undefined) return { name, type }
  const types = Object.keys(TYPES).join(', ')
  throw problem(
    line,
    `expected a column such as "citizen_id bigint", got ${shownValue(text.trim())}`,
    `Types are ${types}.`,
  )
}

function checksOf(line: Line, text: string): Check[] {
  const [, kind, rest = ''] = /^(not null|unique|accepted values|row count)\s+(.*)$/.exec(text) ?? []
  switch (kind) {
    case 'not null':
      return namesOf(line, rest).map(column => ({ kind: 'notNull', column }))
    case 'unique':
      return [{ kind: 'unique', columns: namesOf(line, rest) }]
    case 'accepted values': {
      const [, column, values] = new RegExp(`^(${NAME}):\\s*(.+)$`).exec(rest) ?? []
      if (column === undefined || values === undefined) break
      return [{ kind: 'acceptedValues', column, values: valuesOf(line, values) }]
    }
    case 'row count': {
      const [, least, most] = /^(\d{1,15}) to (\d{1,15})$/.exec(rest) ?? []
      if (least === undefined || most === undefined) break
      return [{ kind: 'rowCount', least: Number(least), most: Number(most) }]
    }
    default:
  }
  throw problem(line, `expected a test, got ${shownValue(text)}`, `A test is one of: ${TESTS.join(' | ')}.`)
}

function namesOf(line: Line, text: string): string[] {
  return text.split(',').map(part => {
    const name = part.trim()
    if (new RegExp(`^${NAME}$`).test(name)) return name
    throw problem(line, `expected the name of a column, got ${shownValue(name)}`)
  })
}

/** Texts in single quotes, numbers, true and false. */
function valuesOf(line: Line, text: string): (string | number | boolean)[] {
  const values = [...text.matchAll(/'((?:[^']|'')*)'|([^,\s']+)/g)].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replaceAll("''", "'")
    if (bare === 'true' || bare === 'false') return bare === 'true'
    if (/^-?\d+(\.\d+)?$/.test(bare!)) return Number(bare)
    throw problem(line, `expected values such as 'single', 3 or true, got ${shownValue(bare)}`)
  })
  if (values.length > 0) return values
  throw problem(line, `expected values such as 'single', 3 or true, got ${shownValue(text)}`)
}

function problem({ file, number }: Pick<Line, 'file' | 'number'>, what: string, hint?: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `${basename(file)}, line ${number}: ${what}.`, {
    hint: hint ?? 'docs/warehouse.md says what the comments at the top of a transform may say.',
  })
}
