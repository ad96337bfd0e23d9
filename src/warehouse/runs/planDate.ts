import type { Call } from '../../datasources/call.ts'
import type { Load } from '../../datasources/warehouse.ts'
import { MillraceError } from '../../errors.ts'
import { inboxPath } from '../ingest/ingestCitizens.ts'
import { landingDates, type Manifest, readManifest } from '../ingest/landing.ts'
import { readTransforms } from '../transforms/readTransforms.ts'
import type { Transform } from '../transforms/transform.ts'
import { DATASET, type Plan, type Step } from '../warehouse.ts'
import { isNewest } from './publishDate.ts'
import { isPublished, type RunParts, transformStep } from './runDate.ts'
import { type RunInputs, runInputs } from './runInputs.ts'
import { readTableResult } from './tableResult.ts'

type PlanParts = Pick<RunParts, 'inbox' | 'storage' | 'warehouse' | 'transformsFolder' | 'sourceTables'>

/** What a run of the date would do now; changes nothing. Errors where a system does not answer; what a user can mend is a problem. */
export async function planDate(parts: PlanParts, date: string): Promise<Plan> {
  const signal = new AbortController().signal
  const problems: string[] = []
  const transforms = await readTransforms(parts.transformsFolder)
  const manifest = await readManifest(parts.storage, date, { signal })
  const inputs = manifest && (await runInputs(parts.storage, manifest, transforms, { signal }))
  const newest = await isNewest(parts.warehouse, date, signal)
  const [load] = await parts.warehouse.loads({ dataset: DATASET, date, first: 1 }, { signal })
  const done = inputs !== undefined && (await isPublished(parts.warehouse, inputs, signal))
  if (inputs) problems.push(...(await earlierProblems(parts, inputs, { signal })))

  const ingest = manifest ? landedStep(manifest) : await inboxStep(parts, date, problems, { signal })
  return {
    date,
    steps: [
      ingest,
      ...transforms.map(transform => makeStep(transform, inputs, done)),
      step('stage', done ? NOTHING : stageMessage(transforms, newest), done),
      step(
        'test',
        done ? NOTHING : `Runs ${transforms.reduce((sum, { tests }) => sum + tests.length, 0)} data tests.`,
        done,
      ),
      publishStep(load, done),
    ],
    problems,
  }
}

const NOTHING = 'Nothing to do: the date is published from the same inputs.'

/** Of a plan: done already, or still to do. */
function step(name: string, message: string, done: boolean, rows: number | null = null): Step {
  return { name, state: done ? 'SUCCEEDED' : 'QUEUED', rows, elapsedMillis: null, message }
}

function landedStep({ rows, landedAt }: Manifest): Step {
  return step('ingest', `It was landed at ${landedAt}.`, true, rows)
}

async function inboxStep(
  { inbox, sourceTables }: PlanParts,
  date: string,
  problems: string[],
  call: Call,
): Promise<Step> {
  const path = inboxPath(date)
  try {
    const { length } = await inbox.stat(path, call)
    const size = length === null ? '' : ` (${length.toLocaleString('en-US')} bytes)`
    return step('ingest', `Lands ${path} of ${inbox.url}${size}, and the tables ${sourceTables.join(', ')}.`, false)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    problems.push(`ingest: ${error.message}`)
    return step('ingest', error.message, false)
  }
}

function makeStep({ name, description }: Transform, inputs: RunInputs | undefined, done: boolean): Step {
  const result = inputs?.tables.find(({ transform }) => transform.name === name)?.result
  if (result)
    return step(transformStep(name), 'It was made by an earlier attempt, from the same inputs.', true, result.rows)
  return step(transformStep(name), done ? NOTHING : description, done)
}

function stageMessage(transforms: readonly Transform[], newest: boolean): string {
  const kept = transforms.filter(({ keeps }) => keeps === 'latest' && !newest).map(({ name }) => name)
  const tables = transforms.length - kept.length
  const left = kept.length > 0 ? ` A later date is published, so ${kept.join(', ')} stays as it is.` : ''
  return `Loads the rows of ${tables} tables beside those that are published.${left}`
}

function publishStep(load: Load | undefined, done: boolean): Step {
  if (done) return step('publish', NOTHING, true, 0)
  if (!load) return step('publish', 'Replaces nothing: the date has not been published yet.', false, 0)
  const rows = load.tables.reduce((sum, table) => sum + table.rows, 0)
  const tables = load.tables.map(table => `${table.rows.toLocaleString('en-US')} of ${table.name}`).join(', ')
  return step('publish', `Replaces ${rows.toLocaleString('en-US')} rows: ${tables}.`, false, rows)
}

/** Dates before that are landed, but that a table which goes on from its own results has not taken in. */
async function earlierProblems({ storage }: PlanParts, { date, tables }: RunInputs, call: Call): Promise<string[]> {
  const earlier = (await landingDates(storage, call)).filter(other => other < date).at(-1)
  if (earlier === undefined || !(await readManifest(storage, earlier, call))) return []
  const lacking: string[] = []
  for (const { transform } of tables) {
    if (transform.continues && !(await readTableResult(storage, earlier, transform.name, call)))
      lacking.push(transform.name)
  }
  if (lacking.length === 0) return []
  return [`${earlier} is landed but not made: run it first, or ${lacking.join(', ')} will not have its changes.`]
}
