import type { Call } from '../../datasources/call.ts'
import type { Log } from '../../datasources/log.ts'
import { batchesInWords } from '../files/names.ts'
import type { Chain, Gap } from './chain.ts'
import { type BatchStart, type Decode, openBatch } from './openBatch.ts'
import type { Ownership } from './owner.ts'
import type { SinkSettings } from './settings.ts'
import type { BatchWriter } from './writeBatch.ts'

export interface RebuildOptions {
  log: Log
  topic: string
  partition: number
  decode: Decode
  settings: SinkSettings
  owner: Ownership
  writer: BatchWriter
  warn: (message: string) => void
}

/**
 * Makes missing and damaged files again from the log, where it still has their records, and says so where it has not. They get the very offsets
 * between their neighbours, and so the very rows. True where the files have changed.
 */
export async function rebuildGaps(chain: Chain, options: RebuildOptions, call: Call): Promise<boolean> {
  let changed = false
  for (const gap of chain.gaps) {
    const reason = await rebuild(gap, options, call)
    if (reason === undefined) changed = true
    else options.warn(lostBatches(gap, reason))
  }
  return changed
}

/** Why it cannot be done, or undefined where it is. */
async function rebuild(gap: Gap, options: RebuildOptions, call: Call): Promise<string | undefined> {
  const { log, topic, partition, settings, owner, writer } = options
  const { start, endOffset } = gap
  if (!start || endOffset === undefined) return 'the files beside it cannot be read now'
  const { offset } = start
  if (endOffset < offset) return `the files beside it end at offset ${offset} and begin at offset ${endOffset}`
  if (endOffset - offset > settings.rebuildRecords) {
    return `they hold ${endOffset - offset} records, more than the ${settings.rebuildRecords} that are held in memory`
  }
  const [kept] = await log.offsets(topic, [partition], call)
  if (offset < endOffset && (!kept || kept.begin > offset || kept.end < endOffset)) {
    return `they need offsets ${offset} to ${endOffset - 1}, the log has ${kept?.begin} to ${(kept?.end ?? 0) - 1}`
  }
  const batch = await readRange(start, endOffset, options, call)
  await writer.rewrite(owner, gap, batch.close(), call)
  return undefined
}

async function readRange(
  start: BatchStart,
  endOffset: number,
  { log, topic, partition, decode, settings }: RebuildOptions,
  call: Call,
) {
  const batch = openBatch(start, decode, settings)
  const { fetchBytes: maxBytes, fetchWaitMillis: waitMillis } = settings
  for (let offset = start.offset; offset < endOffset; ) {
    const { records, nextOffset } = await log.fetch(topic, partition, { offset, maxBytes, waitMillis }, call)
    for (const record of records) {
      if (record.offset < endOffset) batch.add(record)
    }
    batch.passTo(Math.min(nextOffset, endOffset))
    offset = nextOffset
  }
  return batch
}

function lostBatches(gap: Gap, why: string): string {
  return `Partition ${gap.partition} lacks ${batchesInWords(gap)} and cannot make them again: ${why}.`
}
