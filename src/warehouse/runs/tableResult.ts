import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Call } from '../../datasources/call.ts'
import type { Publisher } from '../../datasources/publish.ts'
import type { Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode } from '../../errors.ts'

/** What a transform has made for a date: files in a folder of their own, and a record that names the folder that counts. */
const RESULTS_FOLDER = '/warehouse/citizens'
const LAYOUT = { replication: 2, blockBytes: 1024 * 1024 }

const schema = z.object({
  version: z.literal(1),
  date: z.iso.date(),
  table: z.string(),
  /** Of everything that it was made from. */
  fingerprint: z.string(),
  folder: z.string(),
  rows: z.number().int(),
  files: z.array(z.object({ path: z.string(), length: z.number().int() })),
})

export type TableResult = z.output<typeof schema>

function recordPath(date: string, table: string): string {
  return `${RESULTS_FOLDER}/dt=${date}/${table}.json`
}

function attemptsFolder(date: string, table: string): string {
  return `${RESULTS_FOLDER}/dt=${date}/${table}`
}

/** Where a new attempt writes: no other has ever been there, not even one that was given up and still runs. */
export function newAttemptFolder(date: string, table: string): string {
  return `${attemptsFolder(date, table)}/${randomUUID()}`
}

/** undefined where there is none, or where it has lost a file: then it is made again. */
export async function readTableResult(
  storage: Storage,
  date: string,
  table: string,
  call: Call,
): Promise<TableResult | undefined> {
  try {
    const path = recordPath(date, table)
    const { length } = await storage.stat(path, call)
    const bytes = await storage.read(path, { offset: 0, length }, call)
    const result = schema.parse(JSON.parse(Buffer.from(bytes).toString()))
    const lengths = await Promise.all(result.files.map(async file => (await storage.stat(file.path, call)).length))
    return result.files.every((file, index) => file.length === lengths[index]) ? result : undefined
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND') || error instanceof z.ZodError || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** From here on this result counts; those of other attempts are removed. */
export async function keepTableResult(
  storage: Storage,
  publisher: Publisher,
  result: TableResult,
  call: Call,
): Promise<void> {
  const { date, table } = result
  const bytes = Buffer.from(`${JSON.stringify(result, null, 2)}\n`)
  await publisher.publish(recordPath(date, table), () => [bytes], LAYOUT, { call })
  for (const { path } of await storage.list(attemptsFolder(date, table), call)) {
    if (path !== result.folder) await storage.remove(path, call)
  }
}

/** The newest result of a table before a date; undefined where there is none. */
export async function tableResultBefore(
  storage: Storage,
  date: string,
  table: string,
  call: Call,
): Promise<TableResult | undefined> {
  const folders = await storage.list(RESULTS_FOLDER, call)
  const dates = folders.flatMap(({ path }) => /^dt=(\d{4}-\d\d-\d\d)$/.exec(nameOf(path))?.slice(1) ?? [])
  for (const earlier of dates
    .filter(other => other < date)
    .sort()
    .reverse()) {
    const result = await readTableResult(storage, earlier, table, call)
    if (result) return result
  }
  return undefined
}
