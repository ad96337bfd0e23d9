import type { Storage } from '../../../src/datasources/storage.ts'
import { MillraceError } from '../../../src/errors.ts'
import type { Candidate } from '../../../src/weather/compaction/chooseRange.ts'
import { createCompactor } from '../../../src/weather/compaction/compactPartition.ts'
import type { MergeCodec } from '../../../src/weather/compaction/mergeCodec.ts'
import type { BatchRows } from '../../../src/weather/sink/batchCodec.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import { batchIn, textCodec } from './textCodec.ts'

/** Merges any neighbours now and then, not those that are worth it, and hardly waits before it sweeps: no reader here is slow. */
export async function compactForever(
  storage: Storage,
  host: Host,
  random: Random,
  newId: () => string,
  partition: number,
): Promise<never> {
  for (;;) {
    await host.clock.pause(random.whole(100, 2_500))
    let merges = random.whole(0, 2)
    const compactor = createCompactor({
      partition,
      storage,
      codec: textMergeCodec,
      clock: host.clock,
      newId,
      settings: { keepReplacedMillis: random.whole(0, 1_000), replication: 1, blockBytes: 1024 },
      choose: candidates => (merges-- > 0 ? anyNeighbours(candidates, random) : []),
    })
    try {
      await compactor.compact({ all: true }, {})
    } catch (error) {
      // Nothing that goes wrong here may do harm, whatever it is: the next time it begins anew.
      if (!(error instanceof MillraceError)) throw error
    }
  }
}

function anyNeighbours(candidates: readonly Candidate[], random: Random): Candidate[] {
  if (candidates.length < 2) return []
  const start = random.whole(0, candidates.length - 2)
  const chosen = candidates.slice(start, start + random.whole(2, 5))
  const apart = chosen.findIndex(({ follows }, index) => index > 0 && !follows)
  const together = apart < 0 ? chosen : chosen.slice(0, apart)
  return together.length > 1 ? together : []
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
