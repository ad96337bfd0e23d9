import { createHash } from 'node:crypto'
import type { Call } from '../../datasources/call.ts'
import type { FileView } from '../../datasources/engine.ts'
import type { Storage } from '../../datasources/storage.ts'
import { childOf } from '../../datasources/storagePath.ts'
import { CITIZEN_COLUMNS } from '../citizenColumns.ts'
import { landingFolder, type Manifest, manifestBefore } from '../ingest/landing.ts'
import type { Transform } from '../transforms/transform.ts'
import { CITIZENS_VIEW } from '../views.ts'
import { readTableResult, type TableResult, tableResultBefore } from './tableResult.ts'

/** All that the tables of a date are made from, and what has been made from it already. */
export interface RunInputs {
  date: string
  /** The landed date before; undefined for the first. */
  before: Manifest | undefined
  tables: TableInputs[]
  /** What transforms see under which name. */
  views: FileView[]
  /** Another one where anything is different: a landed file, the date before, a transform. */
  fingerprint: string
}

export interface TableInputs {
  transform: Transform
  fingerprint: string
  /** From these inputs; undefined where it has to be made. */
  result: TableResult | undefined
}

/** Changes when results are made in another way from the same inputs. */
const FORMAT = 1

/** Reads manifests and records only, so it is quick however much has been landed. */
export async function runInputs(
  storage: Storage,
  manifest: Manifest,
  transforms: readonly Transform[],
  call: Call,
): Promise<RunInputs> {
  const { date } = manifest
  const before = await manifestBefore(storage, date, call)
  const common = {
    format: FORMAT,
    date,
    views: digestsOf(manifest),
    before: before && { date: before.date, citizens: before.views[CITIZENS_VIEW]?.sha256 },
  }
  const views = [...landedViews(manifest), previousCitizens(before)]
  const tables: TableInputs[] = []
  for (const transform of transforms) {
    const { name, sql, continues } = transform
    const earlier = continues ? await tableResultBefore(storage, date, name, call) : undefined
    if (continues) {
      views.push({
        name: `previous_${name}`,
        paths: earlier ? earlier.files.map(({ path }) => path) : [],
        format: 'parquet',
        columns: continues,
      })
    }
    const fingerprint = digest({ ...common, name, sql, earlier: earlier?.fingerprint })
    const result = await readTableResult(storage, date, name, call)
    tables.push({ transform, fingerprint, result: result?.fingerprint === fingerprint ? result : undefined })
  }
  return { date, before, tables, views, fingerprint: digest(tables.map(({ fingerprint }) => fingerprint)) }
}

function landedViews({ date, views }: Manifest): FileView[] {
  return Object.entries(views).map(([name, file]) => ({
    name,
    paths: [childOf(landingFolder(date), file.name)],
    format: 'parquet',
  }))
}

/** Without rows where the date is the first. */
function previousCitizens(before: Manifest | undefined): FileView {
  const file = before?.views[CITIZENS_VIEW]
  return {
    name: `previous_${CITIZENS_VIEW}`,
    paths: before && file ? [childOf(landingFolder(before.date), file.name)] : [],
    format: 'parquet',
    columns: CITIZEN_COLUMNS.map(({ name, type }) => ({ name, type })),
  }
}

function digestsOf({ views }: Manifest): Record<string, string> {
  return Object.fromEntries(Object.entries(views).map(([name, { sha256 }]) => [name, sha256]))
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
