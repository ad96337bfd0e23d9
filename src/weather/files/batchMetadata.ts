import { z } from 'zod'
import type { BatchMeta } from '../sink/batchCodec.ts'

/** The keys under which a batch file tells of itself. */
const META = 'millrace.batch'
const ROW_IDS = 'millrace.rowIds'

/** Some rows' ids, between the last row group and the footer. All sections in order are all rows in order. */
export interface RowIdSection {
  /** Where encodeRowIds' bytes lie in the file. */
  offset: number
  length: number
  rows: number
  /** Null where no row has an id. */
  minRowId: number | null
  maxRowId: number | null
}

export interface BatchMetadata {
  meta: BatchMeta
  sections: RowIdSection[]
}

const whole = z.number().int().nonnegative()
const rowId = whole.nullable()

const batchMeta = z.strictObject({
  version: z.literal(1),
  partition: whole,
  firstBatch: whole,
  lastBatch: whole,
  firstOffset: whole,
  endOffset: whole,
  rows: whole,
  minRowId: rowId,
  maxRowId: rowId,
  doubles: whole,
  deadLetters: whole,
  lost: z.array(z.strictObject({ from: whole, to: whole })),
  totals: z.strictObject({ rows: whole, doubles: whole, deadLetters: whole, lostRecords: whole, maxRowId: rowId }),
  epoch: whole,
  writtenAt: z.iso.datetime(),
})

const rowIdSections = z.array(z.tuple([whole, whole, whole, rowId, rowId]))

export function toKeyValues({ meta, sections }: BatchMetadata): Map<string, string> {
  const tuples = sections.map(({ offset, length, rows, minRowId, maxRowId }) => [
    offset,
    length,
    rows,
    minRowId,
    maxRowId,
  ])
  return new Map([
    [META, JSON.stringify(meta)],
    [ROW_IDS, JSON.stringify(tuples)],
  ])
}

/** The metadata, or in half a sentence why there is none. */
export function fromKeyValues(pairs: ReadonlyMap<string, string>): BatchMetadata | { problem: string } {
  const [metaText, sectionsText] = [pairs.get(META), pairs.get(ROW_IDS)]
  if (metaText === undefined || sectionsText === undefined) return { problem: 'it has no batch metadata' }
  const meta = parsed(batchMeta, metaText)
  const tuples = parsed(rowIdSections, sectionsText)
  if (!meta || !tuples) return { problem: 'its batch metadata is of another shape' }
  const sections = tuples.map(([offset, length, rows, minRowId, maxRowId]) => ({
    offset,
    length,
    rows,
    minRowId,
    maxRowId,
  }))
  return { meta, sections }
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
