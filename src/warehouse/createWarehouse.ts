import pLimit from 'p-limit'
import type { Warehouse } from '../datasources/warehouse.ts'
import { hasCode, MillraceError } from '../errors.ts'
import type { JobControl, JobKind, Jobs } from '../jobs/job.ts'
import { nearestName } from '../nearestName.ts'
import { shownValue } from '../shownValue.ts'
import { ingestCitizens } from './ingest/ingestCitizens.ts'
import { earlierDates } from './runs/earlierDates.ts'
import { inTurn } from './runs/inTurn.ts'
import { planDate } from './runs/planDate.ts'
import { ingestMessage, type RunParts, runDate } from './runs/runDate.ts'
import { openRunHistory } from './runs/runHistory.ts'
import { readTransforms } from './transforms/readTransforms.ts'
import { DATASET, type Table, type WarehouseDomain } from './warehouse.ts'

export interface CreateWarehouseOptions extends Omit<RunParts, 'history' | 'earlier' | 'ingesting' | 'heavyWork'> {
  jobs: Jobs
  /** The sqlite file of the run history; ':memory:' forgets all at close. */
  historyFile: string
}

/** Two dates keep a machine busy; more would only hold memory. */
const DATES_AT_ONCE = 2

export function createWarehouse(options: CreateWarehouseOptions): WarehouseDomain {
  const { jobs, warehouse, transformsFolder, clock } = options
  const history = openRunHistory(options.historyFile, clock())
  const earlier = earlierDates()
  const parts: RunParts = {
    ...options,
    history,
    earlier,
    ingesting: pLimit(DATES_AT_ONCE),
    heavyWork: pLimit(DATES_AT_ONCE),
  }

  /** Jobs of one date, of either kind, one after the other. */
  function start(kind: JobKind, date: string, work: (control: JobControl, job: string) => Promise<string>) {
    const job = jobs.start(kind, control => work(control, job.id), { lane: `warehouse ${date}` })
    return job
  }

  return {
    ingest: (date, { force = false } = {}) =>
      start('INGEST_CITIZENS', date, async control => {
        const { manifest, changed } = await inTurn(parts.ingesting, control.signal, () =>
          ingestCitizens(parts, date, { force, compare: true }, control),
        )
        return changed ? ingestMessage(manifest) : `${date} was landed already, from the same file: nothing was to do.`
      }),

    run(date, { force = false } = {}) {
      const transformed = earlier.begin(date)
      try {
        const job = start('WAREHOUSE_RUN', date, async (control, id) => {
          await sweepStages(warehouse, jobs, control)
          return await runDate(parts, { date, job: id, force, transformed }, control)
        })
        // Also where it is cancelled before it begins.
        jobs.finished(job.id).then(transformed, transformed)
        return job
      } catch (error) {
        transformed()
        throw error
      }
    },

    plan: date => planDate(parts, date),
    runs: first => history.list(first),
    tables: () => listTables(warehouse, transformsFolder),

    async rows(table, date, first) {
      const known = await listTables(warehouse, transformsFolder)
      const found = known.find(({ name }) => name === table)
      if (!found) throw unknownTable(table, known)
      if (found.latestDate === null) throw notMade(table)
      const { columns, rows, date: logicalDate } = await warehouse.rows(table, { date, first })
      return rows.map(row => ({
        logical_date: logicalDate,
        ...Object.fromEntries(columns.map(({ name }, index) => [name, plain(row[index])])),
      }))
    },

    close: () => history.close(),
  }
}

/** What runs that died have left half-loaded. Only of jobs of this server: those of others may be under way. */
async function sweepStages(warehouse: Warehouse, jobs: Jobs, { signal }: JobControl): Promise<void> {
  const stages = await warehouse.stages({ signal })
  for (const job of new Set(stages.map(stage => stage.job))) {
    if (hasEnded(jobs, job)) await warehouse.dropStages(job, { signal })
  }
}

function hasEnded(jobs: Jobs, id: string): boolean {
  try {
    return jobs.get(id).finishedAt !== null
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}

async function listTables(warehouse: Warehouse, transformsFolder: string): Promise<Table[]> {
  const [transforms, published] = await Promise.all([readTransforms(transformsFolder), warehouse.tables()])
  const made = published.filter(({ dataset }) => dataset === DATASET)
  const names = [...new Set([...transforms, ...made].map(({ name }) => name))].sort()
  return names.map(name => {
    const transform = transforms.find(each => each.name === name)
    const table = made.find(each => each.name === name)
    return {
      name,
      description: transform?.description ?? 'No longer made: there is no .sql file for it any more.',
      rows: table?.rows ?? 0,
      latestDate: table?.latestDate ?? null,
    }
  })
}

function unknownTable(table: string, known: readonly Table[]): MillraceError {
  const names = known.map(({ name }) => name)
  const near = nearestName(table, names)
  return new MillraceError('NOT_FOUND', `Expected the name of a result table, but got ${shownValue(table)}.`, {
    hint: near ? `Did you mean ${near}?` : `There are ${names.join(', ')}.`,
  })
}

function notMade(table: string): MillraceError {
  return new MillraceError('NOT_FOUND', `Expected rows of ${table}, but no date has been published yet.`, {
    hint: 'Run a date first: runWarehouse(date: "2026-11-20"), or millrace warehouse run 2026-11-20.',
  })
}

/** As JSON has it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
