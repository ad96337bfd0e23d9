import { randomUUID } from 'node:crypto'
import type { Clock } from '../datasources/clock.ts'
import type { Storage } from '../datasources/storage.ts'
import type { JobControl } from '../jobs/job.ts'
import { type Compacted, createCompactor } from './compaction/compactPartition.ts'
import { parquetMergeCodec } from './compaction/parquetMergeCodec.ts'
import type { WeatherSettings } from './settings.ts'
import type { Part } from './supervise.ts'
import { counted } from './words.ts'

export interface CompactWeatherOptions {
  storage: Storage
  settings: WeatherSettings
  clock: Clock
}

/** How often a stream looks whether enough small files are there. */
const LOOK_MILLIS = 15_000

export interface Compaction {
  /** The work of a job: merges whatever can be merged. Returns what was done, in a sentence. */
  compact(partitions: readonly number[], control: JobControl): Promise<string>
  /** Merges by itself, whenever enough small files are there. */
  part(partitions: readonly number[]): Part
}

export function compactWeather({ storage, settings, clock }: CompactWeatherOptions): Compaction {
  const { compactFiles: minFiles, compactBytes: maxBytes, keepReplacedSeconds } = settings
  const compactor = (partition: number) =>
    createCompactor({
      partition,
      storage,
      clock,
      codec: parquetMergeCodec,
      newId: randomUUID,
      settings: { minFiles, maxBytes, keepReplacedMillis: keepReplacedSeconds * 1_000 },
    })

  return {
    async compact(partitions, { signal, report, say }) {
      const all: Compacted = { files: 0, merged: 0, rows: 0, swept: 0 }
      report({ unit: 'partitions', done: 0, total: partitions.length })
      for (const [index, partition] of partitions.entries()) {
        say(`Merging the files of partition ${partition}`)
        const done = await compactor(partition).compact({ all: true }, { signal })
        for (const name of ['files', 'merged', 'rows', 'swept'] as const) all[name] += done[name]
        report({ done: index + 1 })
      }
      const swept = all.swept === 0 ? '' : ` Removed ${counted(all.swept, 'file')} of earlier merges.`
      if (all.merged === 0) return `There was nothing to merge.${swept}`
      return `Merged ${counted(all.files, 'file')} with ${counted(all.rows, 'row')} into ${all.merged}.${swept}`
    },
    part(partitions) {
      const compactors = partitions.map(compactor)
      return {
        name: 'The compaction',
        async run(signal) {
          while (!signal.aborted) {
            for (const compactor of compactors) await compactor.compact({ all: false }, { signal })
            await clock.pause(LOOK_MILLIS, signal).catch(() => {})
          }
        },
      }
    },
  }
}
