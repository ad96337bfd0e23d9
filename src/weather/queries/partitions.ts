import type { Call } from '../../datasources/call.ts'
import type { Log } from '../../datasources/log.ts'
import { hasCode } from '../../errors.ts'
import type { BatchFiles, PartitionFiles } from '../files/batchFiles.ts'
import { batchesInWords } from '../files/names.ts'
import type { BatchTotals } from '../sink/batchCodec.ts'
import { NO_TOTALS } from '../sink/openBatch.ts'
import type { WeatherPartition } from '../weather.ts'
import { counted } from '../words.ts'

export interface PartitionsOptions {
  files: BatchFiles
  log: Log
  topic: string
}

/** Answers Weather.partitions(): those of the topic, and those that have files. One listing, and one question to the log. */
export async function weatherPartitions(
  { files, log, topic }: PartitionsOptions,
  call?: Call,
): Promise<WeatherPartition[]> {
  const stored = await files.list(call)
  // Asked after the files were listed: so a record is never in a file before it is in the log.
  const ends = await endOffsets(log, topic, call)
  const numbers = new Set([...ends.keys(), ...stored.map(({ partition }) => partition)])
  return [...numbers]
    .sort((a, b) => a - b)
    .map(partition =>
      stateOf(
        partition,
        stored.find(set => set.partition === partition),
        ends[partition],
      ),
    )
}

/** By partition; none where the topic was not made yet. */
async function endOffsets(log: Log, topic: string, call?: Call): Promise<number[]> {
  try {
    const count = await log.partitions(topic, call)
    const numbers = Array.from({ length: count }, (_, partition) => partition)
    return (await log.offsets(topic, numbers, call)).map(({ end }) => end)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return []
    throw error
  }
}

function stateOf(partition: number, set: PartitionFiles | undefined, end: number | undefined): WeatherPartition {
  const meta = set?.visible.at(-1)?.meta
  const totals = meta?.totals ?? NO_TOTALS
  const nextOffset = meta?.endOffset ?? 0
  const endOffset = end ?? nextOffset
  return {
    partition,
    nextOffset,
    endOffset,
    lag: Math.max(0, endOffset - nextOffset),
    nextBatch: meta ? meta.lastBatch + 1 : 0,
    rows: totals.rows,
    doubles: totals.doubles,
    deadLetters: totals.deadLetters,
    warning: set ? warningsOf(set, totals, end).join(' ') || null : null,
  }
}

function warningsOf(
  { damaged, holes }: PartitionFiles,
  { lostRecords }: BatchTotals,
  end: number | undefined,
): string[] {
  return [
    ...damaged.map(({ file, problem }) => `${file.status.path} is damaged: ${problem}.`),
    ...holes.map(hole => `No file holds ${batchesInWords(hole)}.`),
    ...(lostRecords > 0
      ? [`The log had dropped ${counted(lostRecords, 'record')} before they were read: what they held is in no file.`]
      : []),
    ...(end === undefined ? ['The log has no such partition now.'] : []),
  ]
}
