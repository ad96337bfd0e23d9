import type { Call } from '../../datasources/call.ts'
import { readJson } from '../../datasources/jsonFile.ts'
import type { Storage } from '../../datasources/storage.ts'
import { type Chain, type ChainFile, type Place, unreadableBefore } from './chain.ts'
import type { BatchStart } from './openBatch.ts'
import { checkpointPath, intentPath } from './paths.ts'
import { type Checkpoint, checkpoint, type Intent, intent } from './records.ts'

/** Where writing goes on. */
export interface Resumption {
  place: Place & { start: BatchStart }
  /** Set where a batch was begun before: it is finished with the same records. */
  endOffset: number | undefined
  checkpoint: Checkpoint | undefined
}

/**
 * From the files, which are the truth. The intent says where a batch that is not there ends; the checkpoint stands in for the last file where no replica
 * of it is alive now, if it was made from that very file. DATA_LOST where neither can say.
 */
export async function resumption(storage: Storage, chain: Chain, mostRecords: number, call: Call): Promise<Resumption> {
  const { tail } = chain
  const begun = await readJson(storage, intentPath(tail.partition), intent, call)
  const noted = await readJson(storage, checkpointPath(tail.partition), checkpoint, call)
  const start = tail.start ?? startFrom(noted, chain.files.at(-1))
  if (!start) throw unreadableBefore(tail)
  return { place: { ...tail, start }, endOffset: endFrom(begun, tail, start, mostRecords), checkpoint: noted }
}

function startFrom(noted: Checkpoint | undefined, last: ChainFile | undefined): BatchStart | undefined {
  if (!noted || !last) return undefined
  const { file, offset, rows, doubles, dead_letters, lost_records, max_row_id } = noted
  const { path, length, fileId } = last.status
  if (file.path !== path || file.length !== length || file.file_id !== fileId) return undefined
  const totals = { rows, doubles, deadLetters: dead_letters, lostRecords: lost_records, maxRowId: max_row_id }
  return { offset, totals }
}

/**
 * Of the batch itself, or of the one behind it, which begins where this one ended before it was lost. Not of one that is larger than any: whatever wrote
 * that, its rows would not fit into memory.
 */
function endFrom(
  begun: Intent | undefined,
  tail: Place,
  { offset }: BatchStart,
  mostRecords: number,
): number | undefined {
  if (!begun) return undefined
  const end =
    begun.lastBatch === tail.lastBatch
      ? begun.endOffset
      : begun.batch === tail.lastBatch + 1
        ? begun.firstOffset
        : undefined
  return end !== undefined && end > offset && end - offset <= mostRecords ? end : undefined
}
