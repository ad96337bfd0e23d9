import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Inbox } from '../../datasources/inbox.ts'
import type { Storage } from '../../datasources/storage.ts'
import { childOf } from '../../datasources/storagePath.ts'
import { waitForSource } from '../../datasources/waitUntilReady.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import type { JobControl } from '../../jobs/job.ts'
import { CITIZENS_FILE } from '../citizenColumns.ts'
import { CITIZENS_VIEW } from '../views.ts'
import { count } from '../words.ts'
import { checkFile } from './checkFile.ts'
import {
  type LandedFile,
  landingFolder,
  type Manifest,
  manifestBefore,
  readManifest,
  removeManifest,
  writeManifest,
} from './landing.ts'
import { type LandTableOptions, landTable } from './landTable.ts'
import { localContent, publishFile } from './publishFile.ts'
import { type Citizens, type RejectedRow, readCitizens } from './readCitizens.ts'
import { type Digest, digestOf, receiveFile } from './receiveFile.ts'

export interface IngestOptions extends LandTableOptions {
  inbox: Inbox
  storage: Storage
  /** Tables of the source that are landed beside the citizens. */
  sourceTables: readonly string[]
  /** The share of bad rows above which a file is refused, from 0 to 1. */
  mostBadRows: number
  /** How long to wait for a source that is still starting. */
  sourceWaitMillis: number
  /** Milliseconds since 1970. */
  clock: () => number
}

export interface Ingested {
  manifest: Manifest
  /** False where the date was landed already, from the same file. */
  changed: boolean
}

/** A day has at least this share of the citizens of the day before, or some of them are missing. */
const LEAST_OF_DAY_BEFORE = 0.5
const REASONS_SHOWN = 3

export function inboxPath(date: string): string {
  return `dt=${date}/${CITIZENS_FILE}`
}

export interface IngestOrder {
  /** Replaces what is landed by another file, and takes one with far fewer citizens than the day before. */
  force: boolean
  /** Whether a date that is landed is compared with the file in the inbox; else it is left as it is. */
  compare: boolean
}

/**
 * Lands a date: the day's citizens and the source tables come to lie in landingFolder(date), the manifest last. A date that is landed is left
 * as it is. One at a time for each date.
 *
 * Errors: NOT_FOUND where the inbox has no file for the date; CONFLICT where the date is landed and the inbox has another file now
 * (`force` lands that); BAD_USER_INPUT for a file that cannot be used. Nothing is landed then.
 */
export async function ingestCitizens(
  options: IngestOptions,
  date: string,
  { force, compare }: IngestOrder,
  control: JobControl,
): Promise<Ingested> {
  const { storage, publisher, workFolder } = options
  const call = { signal: control.signal }
  const landed = await wholeManifest(storage, date, control)
  const looks = compare || force
  if (landed && !(looks && (await isReplaced(options, landed, force, control)))) {
    return { manifest: landed, changed: false }
  }

  const work = join(workFolder, `citizens-${randomUUID()}`)
  const csv = `${work}.csv`
  const parquet = `${work}.parquet`
  try {
    control.say(`Reading the citizens of ${date}`)
    const digest = await receive(options, date, csv, control)
    await checkFile(csv)
    control.say(`Checking the citizens of ${date}`)
    const citizens = await readCitizens(csv, parquet, control.signal)
    checkRows(citizens, date, options.mostBadRows)
    if (!force) await compareWithDayBefore(storage, date, citizens.rows, control)
    await waitForSource(options.source, options.sourceWaitMillis, control)

    control.say(`Landing ${date}`)
    await publisher.sweep(landingFolder(date), { call })
    await removeManifest(storage, date, call)
    const manifest = await land(options, date, { digest, citizens, csv, parquet }, control)
    await writeManifest(publisher, manifest, call)
    return { manifest, changed: true }
  } finally {
    await Promise.all([csv, parquet].map(file => rm(file, { force: true })))
  }
}

/** The manifest of a date whose files are all there. */
async function wholeManifest(storage: Storage, date: string, { signal }: JobControl): Promise<Manifest | undefined> {
  const manifest = await readManifest(storage, date, { signal })
  if (!manifest) return undefined
  for (const { name, bytes } of [manifest.csv, ...Object.values(manifest.views)]) {
    const length = await lengthOf(storage, childOf(landingFolder(date), name), signal)
    if (length !== bytes) return undefined
  }
  return manifest
}

async function lengthOf(storage: Storage, path: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await storage.stat(path, { signal })).length
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

/** Whether the inbox has another file now that is to be landed instead. One that has been taken away since is none. */
async function isReplaced(
  { inbox }: IngestOptions,
  { date, csv }: Manifest,
  force: boolean,
  control: JobControl,
): Promise<boolean> {
  let digest: Digest
  try {
    control.say(`Comparing the citizens of ${date} with those that are landed`)
    digest = await digestOf(inbox, inboxPath(date), control)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
  if (digest.sha256 === csv.sha256) return false
  if (force) return true
  throw new MillraceError(
    'CONFLICT',
    `Expected the file of ${date} in the inbox to be the one that is landed (SHA-256 ${start(csv.sha256)}), but it is another one (${start(digest.sha256)}).`,
    { hint: 'To replace what is landed, ingest it with force: true (--force), then run the date again.' },
  )
}

async function receive({ inbox }: IngestOptions, date: string, csv: string, control: JobControl): Promise<Digest> {
  try {
    return await receiveFile(inbox, inboxPath(date), csv, control)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error
    throw new MillraceError('NOT_FOUND', `There are no citizens for ${date} yet. ${error.message}`, {
      hint: `Put the day's ${CITIZENS_FILE} there, or make one: millrace sample citizens --date ${date}`,
      cause: error,
    })
  }
}

function checkRows({ rows, rejected }: Citizens, date: string, mostBadRows: number): void {
  const all = rows + rejected.length
  if (all === 0) {
    throw new MillraceError('BAD_USER_INPUT', `Expected citizens in the file of ${date}, but it has only a header.`, {
      hint: 'Have it sent again.',
    })
  }
  if (rejected.length <= all * mostBadRows) return
  const shown = rejected.slice(0, REASONS_SHOWN).map(({ line, reason }) => `line ${line}: ${reason}`)
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected at most ${mostBadRows * 100} % bad rows in the file of ${date}, but ${count(rejected.length)} of ${count(all)} are bad: ${shown.join('; ')}${rejected.length > REASONS_SHOWN ? '; ...' : ''}.`,
    { hint: 'Have it sent again, or set MILLRACE_CITIZENS_BAD_PERCENT to accept more.' },
  )
}

/** A file that was cut off between two lines looks whole. */
async function compareWithDayBefore(
  storage: Storage,
  date: string,
  rows: number,
  { signal }: JobControl,
): Promise<void> {
  const before = await manifestBefore(storage, date, { signal })
  if (!before || rows >= before.rows * LEAST_OF_DAY_BEFORE) return
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected about as many citizens on ${date} as the ${count(before.rows)} of ${before.date}, but there are only ${count(rows)}.`,
    { hint: 'Have the file sent again; where so few are right, ingest it with force: true (--force).' },
  )
}

interface Received {
  digest: Digest
  citizens: Citizens
  csv: string
  parquet: string
}

async function land(
  options: IngestOptions,
  date: string,
  { digest, citizens, csv, parquet }: Received,
  control: JobControl,
): Promise<Manifest> {
  const { storage, publisher, clock } = options
  const call = { signal: control.signal }
  const { rows, rejected } = citizens
  const put = (name: string, rowsOfFile: number, content: Parameters<typeof publishFile>[2]['content']) =>
    publishFile(publisher, date, { name, rows: rowsOfFile, content }, call)

  // Side by side: this thread copies and hashes, the tables are read and encoded by others.
  const works = [
    put(CITIZENS_FILE, rows + rejected.length, localContent(csv)),
    put(`${CITIZENS_VIEW}.parquet`, rows, localContent(parquet)),
    landTables(options, date, control),
  ] as const
  await Promise.allSettled(works) // where one fails, the others may still read the files that go then
  const [landedCsv, landedParquet, tables] = await Promise.all(works)
  if (landedCsv.sha256 !== digest.sha256) {
    throw new MillraceError('INTERNAL', `The copy of ${CITIZENS_FILE} has changed while it was landed.`)
  }
  const views: Record<string, LandedFile> = { [CITIZENS_VIEW]: landedParquet, ...tables }
  const aside = `${landingFolder(date)}/rejected.jsonl`
  if (rejected.length === 0) await storage.remove(aside, call)
  return {
    version: 1,
    date,
    landedAt: new Date(clock()).toISOString(),
    rows,
    rejectedRows: rejected.length,
    csv: landedCsv,
    views,
    rejected: rejected.length === 0 ? null : await put('rejected.jsonl', rejected.length, () => jsonLines(rejected)),
  }
}

async function landTables(
  options: IngestOptions,
  date: string,
  control: JobControl,
): Promise<Record<string, LandedFile>> {
  const landed: Record<string, LandedFile> = {}
  for (const table of options.sourceTables) landed[table] = await landTable(options, table, date, control)
  return landed
}

function* jsonLines(rejected: readonly RejectedRow[]): Generator<Uint8Array> {
  for (const row of rejected) yield Buffer.from(`${JSON.stringify(row)}\n`)
}

function start(sha256: string): string {
  return `${sha256.slice(0, 12)}...`
}
