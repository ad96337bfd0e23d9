import { createHash } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import { shownValue } from '../shownValue.ts'
import type { SourceColumn } from './source.ts'
import { LOGICAL_DATE, type Publication, type Stage } from './warehouse.ts'
import { quoteName, type WarehouseDialect } from './warehouseSession.ts'

/** Of the tables that only Millrace uses. */
export const OWN_SCHEMA = 'millrace'

const PLAIN = /^[a-z_][a-z0-9_]{0,47}$/
const JOB = /^[A-Za-z0-9_-]{1,40}$/
const DATE = /^\d{4}-\d{2}-\d{2}$/
const NAMES_SHOWN = 20

/** The table of a stage, in the dialect's schema for stages, without quotes: 63 bytes at most, beginning with the job. */
export function stageTable({ job, table }: Stage): string {
  return `stage_${job}_${createHash('sha256').update(table).digest('hex').slice(0, 8)}`
}

/** Quoted and qualified. */
export function qualifiedStage({ stageSchema }: WarehouseDialect, stage: Stage): string {
  return `${quoteName(stageSchema)}.${quoteName(stageTable(stage))}`
}

export function expectPlainName(what: string, name: string): void {
  if (PLAIN.test(name)) return
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a ${what} of at most 48 lower case letters, digits and "_", not beginning with a digit, got ${shownValue(name)}.`,
  )
}

export function expectJob(job: string): void {
  if (JOB.test(job)) return
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a job of at most 40 letters, digits, "-" and "_", got ${shownValue(job)}.`,
  )
}

export function expectStage({ job, table }: Stage): void {
  expectJob(job)
  expectPlainName('table name', table)
}

export function expectStageColumns(columns: readonly SourceColumn[]): void {
  if (columns.length === 0) throw new MillraceError('BAD_USER_INPUT', 'Expected at least one column, got none.')
  for (const { name } of columns) expectPlainName('column name', name)
  if (!columns.some(({ name }) => name === LOGICAL_DATE)) return
  throw new MillraceError('BAD_USER_INPUT', `Expected no column "${LOGICAL_DATE}": every result table has one anyway.`)
}

/** A day that the calendar has, as YYYY-MM-DD. */
export function expectDate(date: string): void {
  if (DATE.test(date) && new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date)) return
  throw new MillraceError('BAD_USER_INPUT', `Expected a date as YYYY-MM-DD, got ${shownValue(date)}.`)
}

export function expectPublication({ job, dataset, date, tables }: Publication): void {
  expectJob(job)
  expectPlainName('dataset name', dataset)
  expectDate(date)
  if (tables.length === 0)
    throw new MillraceError('BAD_USER_INPUT', 'Expected at least one table to publish, got none.')
  for (const { name } of tables) expectPlainName('table name', name)
  const twice = tables.find(({ name }, index) => tables.findIndex(table => table.name === name) !== index)
  if (twice) throw new MillraceError('BAD_USER_INPUT', `Expected each table once, got "${twice.name}" twice.`)
}

/** Names for a message. */
export function listedNames(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, NAMES_SHOWN).join(', ')
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown
}
