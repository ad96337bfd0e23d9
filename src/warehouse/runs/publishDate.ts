import { basename } from 'node:path'
import type { EngineSession } from '../../datasources/engine.ts'
import type { Load, PublishedTable, Warehouse } from '../../datasources/warehouse.ts'
import { MillraceError } from '../../errors.ts'
import type { JobControl } from '../../jobs/job.ts'
import type { Transform } from '../transforms/transform.ts'
import { DATASET } from '../warehouse.ts'
import type { TableResult } from './tableResult.ts'

/** A table that has been made for the date that is to be published. */
export interface MadeTable {
  transform: Transform
  result: TableResult
}

/** Stages tables under a job's name, while others are still being made. */
export interface Staging {
  /** One at a time, in this order. What goes wrong is thrown by finished(). */
  add(table: MadeTable): void
  /** When all are staged: how many rows each has, by name. */
  finished(): Promise<PublishedTable[]>
  /** Ends what is under way; nothing is staged any more when it resolves. */
  giveUp(): Promise<void>
}

export function beginStaging(
  parts: { session: EngineSession; warehouse: Warehouse },
  job: string,
  control: JobControl,
): Staging {
  const ending = new AbortController()
  const signal = AbortSignal.any([control.signal, ending.signal])
  let work: Promise<PublishedTable[]> = Promise.resolve([])
  return {
    add(table) {
      work = work.then(async staged => [...staged, await stageTable(parts, job, table, { ...control, signal })])
      work.catch(() => undefined) // finished() tells of it
    },
    finished: async () => (await work).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    async giveUp() {
      ending.abort()
      await work.catch(() => undefined)
    },
  }
}

async function stageTable(
  { session, warehouse }: { session: EngineSession; warehouse: Warehouse },
  job: string,
  { transform, result }: MadeTable,
  { signal, say }: JobControl,
): Promise<PublishedTable> {
  const { name, keeps } = transform
  if (result.rows === 0) throw noRows(transform)
  signal.throwIfAborted()
  const stream = await session.read(result.files, { signal })
  const onRows = (rows: number) =>
    say(`Staging ${name}: ${rows.toLocaleString('en-US')} of ${result.rows.toLocaleString('en-US')} rows`)
  const rows = await warehouse.stage({ job, table: name }, stream, { signal, onRows })
  if (rows !== result.rows) {
    throw new MillraceError(
      'DATA_LOST',
      `Expected ${result.rows} rows of ${name} to be staged, but there are ${rows}.`,
      {
        hint: 'Run the date again.',
      },
    )
  }
  return { name, rows, replaces: keeps === 'latest' ? 'table' : 'date' }
}

function noRows({ name, file }: Transform): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `${basename(file)}: expected rows for ${name}, but it made none.`, {
    hint: 'An empty result is not published, because it would take away the rows that are there: correct the SELECT, or its inputs.',
  })
}

/** Runs the data tests on what is staged; returns how many there are. BAD_USER_INPUT that says which failed, by file and line. */
export async function testTables(
  warehouse: Warehouse,
  job: string,
  tables: readonly MadeTable[],
  { signal }: JobControl,
): Promise<number> {
  const failures: string[] = []
  let count = 0
  for (const { transform } of tables) {
    const { name, file, tests } = transform
    const results = await warehouse.check(
      { job, table: name },
      tests.map(({ check }) => check),
      { signal },
    )
    for (const [index, { passed, message }] of results.entries()) {
      if (!passed) failures.push(`${basename(file)}, line ${tests[index]!.line}: ${message}`)
    }
    count += results.length
  }
  if (failures.length === 0) return count
  const what = failures.length === 1 ? 'A data test failed' : `${failures.length} data tests failed`
  throw new MillraceError('BAD_USER_INPUT', `${what}, so nothing was published: ${failures.join('; ')}`, {
    hint: 'Correct the transform, its tests, or the data that was sent; then run the date again.',
  })
}

/** How long to wait for another date that publishes a table with its own history: a matter of seconds. */
const TURN_MILLIS = 600_000

/**
 * Replaces what the warehouse has for the date, in one transaction. A table that keeps only the latest date is left out where a later one is
 * published by now.
 */
export async function publishTables(
  warehouse: Warehouse,
  { job, date, fingerprint }: { job: string; date: string; fingerprint: string },
  tables: readonly PublishedTable[],
  { signal }: JobControl,
): Promise<Load> {
  const publish = (chosen: PublishedTable[], signal: AbortSignal) =>
    warehouse.publish({ job, dataset: DATASET, date, fingerprint, tables: chosen }, { signal })
  const ofEachDate = tables.filter(({ replaces }) => replaces !== 'table')
  if (ofEachDate.length === tables.length) return await publish(ofEachDate, signal)
  const work = async (lost: AbortSignal) => {
    const both = AbortSignal.any([signal, lost])
    return await publish((await isNewest(warehouse, date, both)) ? [...tables] : ofEachDate, both)
  }
  return await warehouse.exclusively(`publish ${DATASET}`, TURN_MILLIS, work, { signal })
}

/** Whether nothing later is published: a table that keeps only the latest date is not put back to an earlier one. */
export async function isNewest(warehouse: Warehouse, date: string, signal: AbortSignal): Promise<boolean> {
  const [newest] = await warehouse.loads({ dataset: DATASET, first: 1 }, { signal })
  return newest === undefined || newest.date <= date
}
