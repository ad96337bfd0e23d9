import type { Storage } from '../../../src/datasources/storage.ts'
import { MillraceError } from '../../../src/errors.ts'
import { createCompactor } from '../../../src/weather/compaction/compactPartition.ts'
import type { MergeCodec } from '../../../src/weather/compaction/mergeCodec.ts'
import type { BatchRows } from '../../../src/weather/sink/batchCodec.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import { batchIn, textCodec } from './textCodec.ts'

/**
 * Merges files now and then, and removes what was merged some time after. It does not keep to what is worth merging, so that short histories have many merges,
 * and hardly waits before it sweeps: no reader here is slow.
 */
export async function compactForever(
  storage: Storage,
  host: Host,
  random: Random,
  newId: () => string,
  partition: number,
): Promise<never> {
  for (;;) {
    await host.clock.pause(random.whole(1_000, 8_000))
    const minFiles = random.whole(2, 5)
    const maxBytes = random.pick([500, 2_000, 20_000])
    const settings = {
      minFiles,
      maxBytes,
      keepReplacedMillis: random.whole(0, 10_000),
      replication: 1,
      blockBytes: 1024,
    }
    const compactor = createCompactor({ partition, storage, codec: textMergeCodec, clock: host.clock, newId, settings })
    try {
      await compactor.compact({ all: random.chance(0.7) }, {})
    } catch (error) {
      // Nothing that goes wrong here may do harm, whatever it is: the next time it begins anew.
      if (!(error instanceof MillraceError)) throw error
    }
  }
}

const textMergeCodec: MergeCodec = {
  ...textCodec,
  merge(storage, files, meta, call) {
    let expected: Uint8Array | undefined
    return {
      async *content() {
        const rows: BatchRows = { stationIds: [], dates: [], degrees: [], rowIds: [] }
        for (const { path, length } of files) {
          const batch = batchIn(await storage.read(path, { offset: 0, length }, call))
          if (!batch) throw new MillraceError('DATA_LOST', `${path} is no whole batch`)
          rows.stationIds.push(...batch.rows.stationIds)
          rows.dates.push(...batch.rows.dates)
          rows.degrees.push(...batch.rows.degrees)
          rows.rowIds.push(...batch.rows.rowIds)
        }
        const chunks = await textCodec.encode(rows, meta)
        yield* chunks
        expected = Buffer.concat(chunks)
      },
      async check({ path, length }) {
        const bytes = await storage.read(path, { offset: 0, length }, call)
        if (!expected || Buffer.compare(bytes, expected) !== 0) {
          throw new MillraceError('DATA_LOST', `expected to read back from ${path} what was written, got other bytes`)
        }
      },
    }
  },
}
