import type { Call } from '../../datasources/call.ts'
import type { BatchFile, BatchFiles } from '../files/batchFiles.ts'
import type { WeatherBatch } from '../weather.ts'

/** Answers Weather.batchFiles(). */
export async function weatherBatches(
  files: BatchFiles,
  partition: number | undefined,
  call?: Call,
): Promise<WeatherBatch[]> {
  const partitions = await files.list(call)
  return partitions.flatMap(set =>
    partition === undefined || partition === set.partition ? set.visible.map(toWeatherBatch) : [],
  )
}

export function toWeatherBatch({ partition, firstBatch, lastBatch, status, meta }: BatchFile): WeatherBatch {
  return {
    partition,
    batch: firstBatch,
    lastBatch,
    path: status.path,
    rows: meta.rows,
    length: status.length,
    firstOffset: meta.firstOffset,
    lastOffset: meta.endOffset - 1,
    writtenAt: new Date(meta.writtenAt),
  }
}
