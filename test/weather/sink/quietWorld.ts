import { batchPath, DATA_FOLDER } from '../../../src/weather/files/names.ts'
import { createSink } from '../../../src/weather/sink/createSink.ts'
import type { Sink, SinkOptions } from '../../../src/weather/sink/sink.ts'
import type { WrittenBatch } from '../../../src/weather/sink/writeBatch.ts'
import { createDisk, type Disk } from '../simulation/disk.ts'
import { createHost, type Faults, type Host, NO_FAULTS } from '../simulation/host.ts'
import { hostStorage, NO_STORAGE_FAULTS, type StorageFaults } from '../simulation/hostStorage.ts'
import { createPartitionLog, decodeText, hostLog, type PartitionLog, rowText } from '../simulation/partitionLog.ts'
import { PARTITION, visibleFiles } from '../simulation/proof.ts'
import { createRandom } from '../simulation/random.ts'
import { createScheduler } from '../simulation/scheduler.ts'
import { textCodec } from '../simulation/textCodec.ts'

export const CHECKPOINT = '/checkpoints/partition-0.json'
export const INTENT = '/checkpoints/partition-0.intent.json'
export const batchFile = (name: number | string) => `/data/partition-0-batch-${name}.parquet`

export interface Started {
  host: Host
  sink: Sink
  stop: AbortController
  written: WrittenBatch[]
  /** Set when run() has ended. */
  ended: { error: unknown } | undefined
}

export interface QuietWorld {
  disk: Disk
  log: PartitionLog
  faults: Faults & StorageFaults
  start(options?: Partial<SinkOptions>): Started
  /** Ends a sink in good order. */
  stop(started: Started): Promise<void>
  /** Batches 0 and 1 of five rows each, and nobody who runs. */
  twoBatches(): Promise<void>
  /** Lets time pass until something is so; fails after a virtual minute. */
  until(isSo: () => boolean): Promise<void>
  sendRows(...ids: number[]): void
  /** Until all that was sent is in files. */
  stored(): Promise<void>
  /** Of all visible files, in order. */
  rowIds(): number[]
  /** "0", "1", "2-repair-1": of the visible files. */
  batches(): string[]
  checkpoint(): { batch_id: number; offset: number }
  /** Paths, sorted. */
  deadLetters(): string[]
  json(path: string): unknown
  write(path: string, text: string): void
  cut(path: string): void
}

const MOST_MILLIS = 60_000

/** The world of the simulation without chance: what goes wrong is what a test makes go wrong. */
export function quietWorld(): QuietWorld {
  const scheduler = createScheduler()
  const random = createRandom(1)
  const disk = createDisk(
    () => scheduler.nowMillis(),
    () => {},
  )
  const log = createPartitionLog(scheduler, random)
  const faults = { ...NO_FAULTS, ...NO_STORAGE_FAULTS }
  let hosts = 0
  let ids = 0

  function start(options: Partial<SinkOptions> = {}): Started {
    const host = createHost(
      `owner-${++hosts}`,
      scheduler,
      random,
      () => faults,
      () => {},
    )
    const written: WrittenBatch[] = []
    const stop = new AbortController()
    const sink = createSink({
      partition: PARTITION,
      topic: 'temperatures',
      storage: hostStorage({ disk, scheduler, random }, host, () => faults),
      log: hostLog(log, host, { now: 0, most: 0 }),
      codec: textCodec,
      decode: decodeText,
      clock: host.clock,
      newId: () => `00000000-0000-0000-0000-${(ids++).toString(16).padStart(12, '0')}`,
      onBatch: batch => written.push(batch),
      ...options,
      settings: { batchRows: 5, batchAgeMillis: 1_000, ...options.settings },
    })
    const started: Started = { host, sink, stop, written, ended: undefined }
    sink.run(stop.signal).then(
      () => {
        started.ended = { error: undefined }
      },
      (error: unknown) => {
        started.ended = { error }
      },
    )
    return started
  }

  async function until(isSo: () => boolean): Promise<void> {
    const latest = scheduler.nowMillis() + MOST_MILLIS
    await scheduler.run(() => isSo() || scheduler.nowMillis() > latest)
    if (!isSo()) throw new Error(`not within ${MOST_MILLIS} ms: ${isSo.toString()}`)
  }

  const sendRows = (...rowIds: number[]) => log.send(...rowIds.map(rowText))
  const stored = () => until(() => endOffset() === log.end())
  const json = (path: string) => JSON.parse(Buffer.from(disk.files.get(path)!.bytes).toString()) as unknown
  const checkpoint = () => json(CHECKPOINT) as { batch_id: number; offset: number }
  const endOffset = () => visibleFiles(disk).files.at(-1)?.batch?.meta.endOffset ?? 0

  return {
    disk,
    log,
    faults,
    start,
    async stop({ stop, sink }) {
      stop.abort(new Error('stopped'))
      await until(() => sink.state().phase === 'stopped')
    },
    async twoBatches() {
      const first = start()
      sendRows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
      await stored()
      await until(() => (disk.files.has(CHECKPOINT) ? checkpoint().batch_id === 1 : false))
      first.host.kill()
    },
    until,
    sendRows,
    stored,
    rowIds: () => visibleFiles(disk).files.flatMap(({ batch }) => batch!.rows.rowIds),
    batches: () =>
      visibleFiles(disk).files.map(file =>
        batchPath(file).slice(`${DATA_FOLDER}/partition-0-batch-`.length, -'.parquet'.length),
      ),
    checkpoint,
    deadLetters: () => [...disk.files.keys()].filter(path => path.startsWith('/dead-letters/')).sort(),
    json,
    write: (path, text) => disk.append(disk.open(path), Buffer.from(text)),
    cut(path) {
      const file = disk.files.get(path)!
      file.bytes = file.bytes.slice(0, file.bytes.length >> 1)
    },
  }
}
