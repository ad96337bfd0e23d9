import { z } from 'zod'

const count = z.number().int().nonnegative()

/** The batch that is being written, so that whoever goes on after a crash gives it the same records. A hint, never the truth. */
const intentSchema = z.object({
  batch: count,
  /** Inclusive; as `batch` but where several lost batches are made again as one. */
  lastBatch: count,
  firstOffset: count,
  endOffset: count,
  epoch: count,
})
export type Intent = z.infer<typeof intentSchema>
export const intent: z.ZodType<Intent> = intentSchema

/** How far a partition is, for people and for other programs. The files say the same: the sink makes it anew from them. */
const checkpointSchema = z.object({
  /** Of the last batch. */
  batch_id: count,
  /** Where the next batch begins. */
  offset: count,
  partition: count,
  epoch: count,
  rows: count,
  doubles: count,
  dead_letters: count,
  lost_records: count,
  max_row_id: count.nullable(),
  /** The last file, by which a reader knows whether this is still about it. */
  file: z.object({ path: z.string(), length: count, file_id: z.string() }),
})
export type Checkpoint = z.infer<typeof checkpointSchema>
export const checkpoint: z.ZodType<Checkpoint> = checkpointSchema
