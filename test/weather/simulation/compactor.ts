import { createPublisher } from '../../../src/datasources/publish.ts'
import type { Storage } from '../../../src/datasources/storage.ts'
import { nameOf } from '../../../src/datasources/storagePath.ts'
import { hasCode } from '../../../src/errors.ts'
import { batchPath, DATA_FOLDER, parseBatchName, visibleSet } from '../../../src/weather/files/names.ts'
import type { BatchMeta, BatchRows } from '../../../src/weather/sink/batchCodec.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import { batchIn, textCodec } from './textCodec.ts'

/** Merges files now and then, and removes what was merged some time after: what the sink has to live with. */
export async function compactForever(
  storage: Storage,
  host: Host,
  random: Random,
  newId: () => string,
): Promise<never> {
  const publisher = createPublisher(storage, 'compaction', { clock: host.clock, newId })
  for (;;) {
    await host.clock.pause(random.whole(1_000, 8_000))
    try {
      await compactOnce()
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE', 'NOT_FOUND', 'DATA_LOST', 'CONFLICT')) throw error
    }
  }

  async function compactOnce(): Promise<void> {
    const found = (await storage.list(DATA_FOLDER)).flatMap(status => {
      const range = parseBatchName(nameOf(status.path))
      return range ? [{ ...range, status }] : []
    })
    const { visible, replaced, holes } = visibleSet(found)
    for (const { status } of replaced) await storage.remove(status.path)
    if (visible.length < 4 || holes.length > 0) return
    const from = random.whole(0, visible.length - 3)
    const chosen = visible.slice(from, from + random.whole(2, 6))
    const batches: { rows: BatchRows; meta: BatchMeta }[] = []
    for (const { status } of chosen) {
      const batch = batchIn(await storage.read(status.path, { offset: 0, length: status.length }))
      if (!batch) return
      batches.push(batch)
    }
    if (batches.some(({ meta }, index) => index > 0 && meta.firstOffset !== batches[index - 1]!.meta.endOffset)) return
    const { rows, meta } = merged(batches)
    const chunks = await textCodec.encode(rows, meta)
    const layout = { replication: 1, blockBytes: 1024 }
    await publisher.publishNew(batchPath(meta), () => chunks, layout)
    await host.clock.pause(random.whole(500, 10_000))
  }
}

function merged(batches: { rows: BatchRows; meta: BatchMeta }[]): { rows: BatchRows; meta: BatchMeta } {
  const first = batches[0]!.meta
  const last = batches.at(-1)!.meta
  const sum = (count: (meta: BatchMeta) => number) => batches.reduce((total, { meta }) => total + count(meta), 0)
  const all = <T>(column: (rows: BatchRows) => T[]) => batches.flatMap(({ rows }) => column(rows))
  const meta: BatchMeta = {
    ...last,
    firstBatch: first.firstBatch,
    firstOffset: first.firstOffset,
    rows: sum(({ rows }) => rows),
    minRowId: batches.find(batch => batch.meta.minRowId !== null)?.meta.minRowId ?? null,
    maxRowId: batches.findLast(batch => batch.meta.maxRowId !== null)?.meta.maxRowId ?? null,
    doubles: sum(({ doubles }) => doubles),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    lost: batches.flatMap(batch => batch.meta.lost),
  }
  const rows: BatchRows = {
    stationIds: all(({ stationIds }) => stationIds),
    dates: all(({ dates }) => dates),
    degrees: all(({ degrees }) => degrees),
    rowIds: all(({ rowIds }) => rowIds),
  }
  return { rows, meta }
}
