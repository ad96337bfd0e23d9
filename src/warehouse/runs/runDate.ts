import type { LimitFunction } from 'p-limit'
import type { Engine } from '../../datasources/engine.ts'
import type { Warehouse } from '../../datasources/warehouse.ts'
import type { JobControl } from '../../jobs/job.ts'
import { type IngestOptions, ingestCitizens } from '../ingest/ingestCitizens.ts'
import { type Manifest, readManifest } from '../ingest/landing.ts'
import { readTransforms } from '../transforms/readTransforms.ts'
import { DATASET } from '../warehouse.ts'
import { count } from '../words.ts'
import type { EarlierDates } from './earlierDates.ts'
import { inTurn } from './inTurn.ts'
import { makeTable } from './makeTable.ts'
import { beginStaging, isNewest, type MadeTable, publishTables, testTables } from './publishDate.ts'
import type { RunHistory } from './runHistory.ts'
import { type RunInputs, runInputs, type TableInputs } from './runInputs.ts'
import { runSteps, type Steps } from './steps.ts'

export interface RunParts extends IngestOptions {
  engine: Engine
  warehouse: Warehouse
  /** The folder of the .sql files. */
  transformsFolder: string
  history: RunHistory
  earlier: EarlierDates
  /** How many dates are ingested, and how many transformed and staged, at once. */
  ingesting: LimitFunction
  heavyWork: LimitFunction
  /** Told of what a user does not see but an operator may want to. */
  note: (message: string, details: object) => void
}

export interface RunOrder {
  date: string
  /** Names the stages. */
  job: string
  /** Ingests anew what is landed. */
  force: boolean
  /** Later dates need not wait any more. */
  transformed: () => void
}

/** DuckDB keeps every core busy with one. Of a cluster the planning of a query, its last tasks and its commit leave most of it idle. */
const TABLES_AT_ONCE: Readonly<Record<Engine['kind'], number>> = { duckdb: 1, spark: 3 }

export function stepNames(tables: readonly string[]): string[] {
  return ['ingest', ...tables.map(transformStep), 'stage', 'test', 'publish']
}

export function transformStep(table: string): string {
  return `transform ${table}`
}

/**
 * Brings a date from the inbox to the warehouse. What an earlier attempt has done from the same inputs stays; a date that is published from
 * the same inputs is only looked at.
 * @returns what was done, in one sentence.
 */
export async function runDate(parts: RunParts, order: RunOrder, control: JobControl): Promise<string> {
  const { history, clock } = parts
  const { date, force } = order
  const { signal } = control
  const transforms = await readTransforms(parts.transformsFolder)
  const landed = force ? undefined : await readManifest(parts.storage, date, { signal })
  if (landed) {
    await parts.earlier.over(date, signal)
    const inputs = await runInputs(parts.storage, landed, transforms, { signal })
    if (await isPublished(parts.warehouse, inputs, signal)) {
      history.settle(date, clock())
      return `${date} is published already, from the same inputs: nothing was to do.`
    }
  }

  const names = stepNames(transforms.map(({ name }) => name))
  history.begin(date, names, clock())
  try {
    const message = await attempt(parts, order, control, runSteps(date, names.length, { history, control, clock }))
    history.finish(date, 'SUCCEEDED', clock())
    return message
  } catch (error) {
    history.finish(date, signal.aborted ? 'CANCELLED' : 'FAILED', clock())
    throw error
  }
}

async function attempt(parts: RunParts, order: RunOrder, control: JobControl, steps: Steps): Promise<string> {
  const { date } = order
  const { signal } = control
  const { manifest } = await steps.step('ingest', () => ingest(parts, order, control))
  control.say(`${date}: waiting for earlier dates`)
  await parts.earlier.over(date, signal)
  return await inTurn(parts.heavyWork, signal, async () => {
    const transforms = await readTransforms(parts.transformsFolder)
    const inputs = await runInputs(parts.storage, manifest, transforms, { signal })
    return await makeAndPublish(parts, order, inputs, control, steps)
  })
}

async function ingest(parts: RunParts, { date, force }: RunOrder, control: JobControl) {
  const { manifest, changed } = await inTurn(parts.ingesting, control.signal, () =>
    ingestCitizens(parts, date, { force, compare: false }, control),
  )
  const message = changed ? ingestMessage(manifest) : 'It was landed already.'
  return { manifest, rows: manifest.rows, message }
}

export function ingestMessage({ date, rows, rejectedRows, views }: Manifest): string {
  const aside = rejectedRows > 0 ? ` ${count(rejectedRows)} bad rows were kept aside.` : ''
  const tables = Object.keys(views).length - 1
  return `Landed ${count(rows)} citizens of ${date}, and ${tables} tables of the source.${aside}`
}

async function makeAndPublish(
  parts: RunParts,
  order: RunOrder,
  inputs: RunInputs,
  control: JobControl,
  steps: Steps,
): Promise<string> {
  const { engine, warehouse } = parts
  const { date, job } = order
  const session = await engine.open({ signal: control.signal })
  const staging = beginStaging({ session, warehouse }, job, control)
  try {
    const newest = await isNewest(warehouse, date, control.signal)
    const isStaged = ({ transform }: MadeTable) => newest || transform.keeps !== 'latest'
    const made = await makeTables({ ...parts, session }, inputs, control, steps, table => {
      if (isStaged(table)) staging.add(table)
    })
    order.transformed()
    const tables = made.filter(isStaged)
    const { staged } = await steps.step('stage', async () => {
      const staged = await staging.finished()
      return { staged, rows: sum(staged.map(({ rows }) => rows)), message: leftOut(made, tables) }
    })
    await steps.step('test', async () => {
      const tests = await testTables(warehouse, job, tables, control)
      return { rows: null, message: `${tests} data tests passed.` }
    })
    const { load } = await steps.step('publish', async () => {
      const load = await publishTables(warehouse, { ...order, fingerprint: inputs.fingerprint }, staged, control)
      const replaced = sum(load.tables.map(({ replacedRows }) => replacedRows))
      return { load, rows: sum(load.tables.map(({ rows }) => rows)), message: `${count(replaced)} rows were replaced.` }
    })
    return `Published ${count(sum(load.tables.map(({ rows }) => rows)))} rows of ${load.tables.length} tables for ${date}.`
  } finally {
    await staging.giveUp()
    await Promise.all([session.close(), dropStages(parts, job)])
  }
}

async function makeTables(
  parts: RunParts & Parameters<typeof makeTable>[0],
  inputs: RunInputs,
  control: JobControl,
  steps: Steps,
  tell: (made: MadeTable) => void,
): Promise<MadeTable[]> {
  const call = { signal: control.signal }
  const missing = inputs.tables.some(({ result }) => result === undefined)
  if (missing) await parts.session.register(inputs.views, call)

  const make = async (table: TableInputs): Promise<MadeTable> => {
    const { transform, result: before } = table
    const { result } = await steps.step(transformStep(transform.name), async () => {
      const result = before ?? (await makeTable(parts, inputs.date, table, call))
      return { result, rows: result.rows, message: before ? 'It was made by an earlier attempt.' : null }
    })
    const made = { transform, result }
    tell(made)
    return made
  }
  return await inParallel(inputs.tables, TABLES_AT_ONCE[parts.engine.kind], make)
}

/** Results in the order of `items`. After a failure none is begun, but those under way are finished: a retry finds what they made. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  mostAtOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const waiting = items.entries()
  let failed = false
  const workers = Array.from({ length: mostAtOnce }, async () => {
    for (const [index, item] of waiting) {
      if (failed) return
      try {
        results[index] = await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  })
  await Promise.allSettled(workers)
  await Promise.all(workers)
  return results
}

export async function isPublished(warehouse: Warehouse, inputs: RunInputs, signal: AbortSignal): Promise<boolean> {
  const { date, fingerprint } = inputs
  const [load] = await warehouse.loads({ dataset: DATASET, date, first: 1 }, { signal })
  return load?.fingerprint === fingerprint
}

function leftOut(made: readonly MadeTable[], staged: readonly MadeTable[]): string | null {
  const left = made.filter(table => !staged.includes(table)).map(({ transform }) => transform.name)
  return left.length === 0 ? null : `A later date is published, so ${left.join(', ')} stays as it is.`
}

const DROP_MILLIS = 10_000

/** Those of a failure; publishing has removed its own. What cannot be removed now costs space until the next run. */
async function dropStages({ warehouse, note }: RunParts, job: string): Promise<void> {
  try {
    await warehouse.dropStages(job, { signal: AbortSignal.timeout(DROP_MILLIS) })
  } catch (error) {
    note('the stages of a run could not be removed', { job, err: error })
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
