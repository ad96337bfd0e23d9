import { z } from 'zod'
import type { Call } from '../../datasources/call.ts'
import type { Publisher } from '../../datasources/publish.ts'
import type { Storage } from '../../datasources/storage.ts'
import { childOf, nameOf } from '../../datasources/storagePath.ts'
import { hasCode, MillraceError } from '../../errors.ts'

/** What lies in the storage for each date; a date is landed when its manifest is there, which is written last. */
const LANDING_FOLDER = '/landing/citizens'
const MANIFEST = 'manifest.json'

/** Files that cannot be had again once their sender has cleaned up: two replicas, in blocks as large as a day's file. */
export const LANDING_LAYOUT = { replication: 2, blockBytes: 64 * 1024 * 1024 }

const fileSchema = z.object({
  /** Within the folder of the date. */
  name: z.string(),
  bytes: z.number().int(),
  sha256: z.string(),
  rows: z.number().int(),
})

const manifestSchema = z.object({
  version: z.literal(1),
  date: z.iso.date(),
  landedAt: z.iso.datetime(),
  /** Rows of citizens that can be used, and those that were kept aside. */
  rows: z.number().int(),
  rejectedRows: z.number().int(),
  /** citizens_data.csv as it was sent. */
  csv: fileSchema,
  /** What transforms read: by the name of their view. */
  views: z.record(z.string(), fileSchema),
  /** The rows kept aside, where there are any. */
  rejected: fileSchema.nullable(),
})

export type LandedFile = z.output<typeof fileSchema>
export type Manifest = z.output<typeof manifestSchema>

export function landingFolder(date: string): string {
  return `${LANDING_FOLDER}/dt=${date}`
}

/** undefined where the date has not been landed. DATA_LOST where its manifest cannot be read as one. */
export async function readManifest(storage: Storage, date: string, call: Call): Promise<Manifest | undefined> {
  const path = childOf(landingFolder(date), MANIFEST)
  let bytes: Uint8Array
  try {
    const { length } = await storage.stat(path, call)
    bytes = await storage.read(path, { offset: 0, length }, call)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
  try {
    return manifestSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch (cause) {
    throw new MillraceError('DATA_LOST', `Expected a manifest of the landed files at ${path}, found something else.`, {
      hint: `Remove ${path} and ingest ${date} again.`,
      cause,
    })
  }
}

/** From here on the date counts as landed. */
export async function writeManifest(publisher: Publisher, manifest: Manifest, call: Call): Promise<void> {
  const path = childOf(landingFolder(manifest.date), MANIFEST)
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  await publisher.publish(path, () => [bytes], LANDING_LAYOUT, { call })
}

/** From here on the date counts as not landed; its files stay. */
export async function removeManifest(storage: Storage, date: string, call: Call): Promise<void> {
  await storage.remove(childOf(landingFolder(date), MANIFEST), call)
}

/** Dates that have a folder, ascending; whether each is landed its manifest says. */
export async function landingDates(storage: Storage, call: Call): Promise<string[]> {
  const children = await storage.list(LANDING_FOLDER, call)
  return children.flatMap(({ path }) => /^dt=(\d{4}-\d\d-\d\d)$/.exec(nameOf(path))?.slice(1) ?? []).sort()
}

/** The newest manifest before a date; undefined where there is none. */
export async function manifestBefore(storage: Storage, date: string, call: Call): Promise<Manifest | undefined> {
  const earlier = (await landingDates(storage, call)).filter(landed => landed < date).reverse()
  for (const candidate of earlier) {
    const manifest = await readManifest(storage, candidate, call)
    if (manifest) return manifest
  }
  return undefined
}
