import type { LogRecord } from '../../../src/datasources/log.ts'
import { nameOf } from '../../../src/datasources/storagePath.ts'
import { type BatchRange, DATA_FOLDER, parseBatchName, visibleSet } from '../../../src/weather/files/names.ts'
import { type BatchMeta, type BatchRows, NO_ROW_ID } from '../../../src/weather/sink/batchCodec.ts'
import { checkpointPath, deadLetterPath } from '../../../src/weather/sink/paths.ts'
import { checkpoint } from '../../../src/weather/sink/records.ts'
import type { Disk, DiskFile } from './disk.ts'
import { decodeText } from './partitionLog.ts'
import { batchIn } from './textCodec.ts'

export const PARTITION = 0

interface VisibleFile extends BatchRange {
  file: DiskFile
  batch: { rows: BatchRows; meta: BatchMeta } | undefined
}

/** The files that a reader takes for the partition now. */
export function visibleFiles(disk: Disk): { files: VisibleFile[]; holes: number } {
  const found = [...disk.files].flatMap(([path, file]) => {
    const range = path.startsWith(`${DATA_FOLDER}/`) ? parseBatchName(nameOf(path)) : undefined
    return range ? [{ ...range, file }] : []
  })
  const { visible, holes } = visibleSet(found)
  return { files: visible.map(range => ({ ...range, batch: batchIn(range.file.bytes) })), holes: holes.length }
}

/** What must hold whenever a file has got its name; undefined where it does. */
export function problemWith(path: string, disk: Disk, damaged: boolean): string | undefined {
  if (path === checkpointPath(PARTITION)) return problemWithCheckpoint(disk.files.get(path)!)
  if (!path.startsWith(`${DATA_FOLDER}/partition-`)) return undefined
  if (!batchIn(disk.files.get(path)!.bytes)) return `${path} is not whole`
  return damaged ? undefined : problemWithChain(disk)
}

function problemWithCheckpoint({ bytes }: DiskFile): string | undefined {
  try {
    return checkpoint.safeParse(JSON.parse(Buffer.from(bytes).toString())).error?.message
  } catch {
    return 'the checkpoint is half-written'
  }
}

function problemWithChain(disk: Disk): string | undefined {
  const { files, holes } = visibleFiles(disk)
  if (holes > 0) return 'a batch is missing'
  let offset = 0
  let rows = 0
  for (const { batch, firstBatch } of files) {
    if (!batch) return `batch ${firstBatch} is not whole`
    const { meta } = batch
    if (meta.firstOffset !== offset) return `batch ${firstBatch} begins at ${meta.firstOffset}, not at ${offset}`
    offset = meta.endOffset
    rows += meta.rows
    if (meta.totals.rows !== rows) return `${meta.totals.rows} rows up to batch ${firstBatch} are ${rows}`
  }
  return undefined
}

export function endOfChain(disk: Disk): number {
  return visibleFiles(disk).files.at(-1)?.batch?.meta.endOffset ?? 0
}

/** Every row that was ever in the log is in the files exactly once, but for those that the log had lost and the files say so. */
export function problemInTheEnd(disk: Disk, everything: readonly LogRecord[], logBegin: number): string | undefined {
  const chain = problemWithChain(disk)
  if (chain) return chain
  const { files } = visibleFiles(disk)
  const lost = files.flatMap(({ batch }) => batch!.meta.lost)
  const tooMuch = lost.find(({ to }) => to > logBegin)
  if (tooMuch) return `offsets to ${tooMuch.to} count as lost, but the log begins at ${logBegin}`
  const isLost = (offset: number) => lost.some(({ from, to }) => from <= offset && offset < to)

  const expected = new Map<string, boolean>()
  for (const record of everything) {
    const row = decodeText(record)
    if ('problem' in row) {
      const letter = disk.files.get(deadLetterPath(PARTITION, record.offset))
      if (!letter && !isLost(record.offset)) return `record ${record.offset} is neither a row nor a dead letter`
      if (letter && !isWholeLetter(letter, record)) return `the dead letter of ${record.offset} is not whole`
      continue
    }
    const key = keyOf(row.stationId, row.date, row.degrees)
    // A row that was lost and sent again behind larger ids counts as a double: see docs/exactly-once.md.
    if (!expected.has(key)) expected.set(key, !isLost(record.offset))
  }
  const stored = new Set<string>()
  let highestId = 0
  for (const { batch } of files) {
    const { rowIds, degrees, stationIds, dates } = batch!.rows
    for (const [index, rowId] of rowIds.entries()) {
      const key = keyOf(stationIds[index]!, dates[index]!, degrees[index]!)
      if (stored.has(key)) return `row ${key} is stored twice`
      stored.add(key)
      if (!expected.has(key)) return `row ${key} was never sent`
      if (rowId === NO_ROW_ID) continue
      if (rowId < highestId) return `row ${rowId} comes after ${highestId}`
      highestId = rowId
    }
  }
  for (const [key, mustBeThere] of expected) {
    if (mustBeThere && !stored.has(key)) return `row ${key} is missing`
  }
  return undefined
}

/** No two rows have the same. */
function keyOf(stationId: string, date: string, degrees: number): string {
  return `${stationId} ${date} ${degrees}`
}

function isWholeLetter({ bytes }: DiskFile, { value }: LogRecord): boolean {
  const letter = JSON.parse(Buffer.from(bytes).toString()) as { value: string | null }
  return letter.value === (value && Buffer.from(value).toString('base64'))
}
