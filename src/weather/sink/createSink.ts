import { randomUUID } from 'node:crypto'
import type { Call } from '../../datasources/call.ts'
import { systemClock } from '../../datasources/clock.ts'
import { createPublisher } from '../../datasources/publish.ts'
import { type ErrorCode, MillraceError } from '../../errors.ts'
import { DATA_FOLDER } from '../files/names.ts'
import { type Chain, type ChainFile, createChainReader, type Stray } from './chain.ts'
import { moveAside } from './moveAside.ts'
import { NO_TOTALS } from './openBatch.ts'
import { type Ownership, takeOver } from './owner.ts'
import { CHECKPOINT_FOLDER, DEAD_LETTER_FOLDER, OWNER_FOLDER } from './paths.ts'
import { createPatience } from './patience.ts'
import { rebuildGaps } from './rebuild.ts'
import type { Checkpoint } from './records.ts'
import { type Resumption, resumption } from './recover.ts'
import { sinkDefaults } from './settings.ts'
import type { Sink, SinkOptions, SinkState } from './sink.ts'
import { streamBatches } from './stream.ts'
import { batchWriter, type WrittenBatch } from './writeBatch.ts'

/** What may pass by itself, or with the next look at the files: a temporary that the next owner swept is NOT_FOUND, for example. */
const PASSING: readonly ErrorCode[] = ['UNAVAILABLE', 'NOT_FOUND', 'DATA_LOST']
const MOST_WARNINGS = 20

/** See docs/exactly-once.md for the protocol and why each step is there. */
export function createSink(options: SinkOptions): Sink {
  const { partition, storage, codec, onBatch = () => {}, onStep = () => {} } = options
  const { clock = systemClock, newId = randomUUID } = options
  const settings = { ...sinkDefaults, ...options.settings }
  const layout = { replication: settings.replication, blockBytes: settings.blockBytes }
  const publisher = createPublisher(storage, `weather-${partition}`, { clock, newId })
  const chainReader = createChainReader(storage, codec, partition)
  const writer = batchWriter({ storage, publisher, codec, clock, layout, onStep })
  const warnings = new Set<string>()
  const troubles = new Map<string, string>()
  let phase: SinkState['phase'] = 'starting'
  let owner: Ownership | undefined
  let next = { batch: 0, offset: 0, totals: NO_TOTALS }
  let endOffset = 0
  let heldRows = () => 0

  async function run(stop: AbortSignal): Promise<void> {
    if (stop.aborted) return
    const hard = new AbortController()
    const finished = new AbortController()
    const endSoon = () => {
      // Before the stream runs there is no open batch to wait for.
      const millis = phase === 'running' ? settings.closeMillis : 0
      phase = 'stopping'
      const late = new MillraceError('CANCELLED', `the open batch was not written within ${millis} ms`)
      clock.pause(millis, finished.signal).then(
        () => hard.abort(late),
        () => {},
      )
    }
    stop.addEventListener('abort', endSoon, { once: true })
    try {
      await work(stop, hard.signal)
    } catch (error) {
      if (!hard.signal.aborted) throw error
    } finally {
      stop.removeEventListener('abort', endSoon)
      finished.abort()
      hard.abort(new MillraceError('CANCELLED', 'the sink has ended'))
      phase = 'stopped'
      heldRows = () => 0
    }
  }

  async function work(stop: AbortSignal, signal: AbortSignal): Promise<void> {
    const call = { signal }
    const patiently = createPatience(clock, settings, signal, trouble)
    const owned = await patiently('taking the partition over', PASSING, () =>
      takeOver({ partition, storage, publisher, layout, nowMillis: () => clock.nowMillis() }, call),
    )
    owner = owned
    await onStep('owner taken')
    await onStep('clean-up')
    await patiently('cleaning up', PASSING, () => cleanUp(owned, call))
    await onStep('cleaned up')
    while (!stop.aborted) {
      const { place, endOffset: closeAt } = await patiently('reading the files', PASSING, () => recover(owned, call))
      if (stop.aborted) return
      phase = 'running'
      await streamBatches({
        ...options,
        settings,
        clock,
        owner: owned,
        writer,
        patiently,
        passing: PASSING,
        place,
        closeAt,
        stop,
        signal,
        onWritten: moveOn,
        onEndOffset: offset => {
          endOffset = offset
        },
        onLost: (from, to) => warn(`The log no longer had offsets ${from} to ${to - 1}: what they held is in no file.`),
        onHeld: held => {
          heldRows = held
        },
      })
    }
  }

  /** What earlier owners left half-written, and their tokens. */
  async function cleanUp(owned: Ownership, call: Call): Promise<void> {
    for (const folder of [DATA_FOLDER, CHECKPOINT_FOLDER, OWNER_FOLDER, DEAD_LETTER_FOLDER]) {
      await publisher.sweep(folder, { call })
    }
    await owned.forgetEarlier(call)
  }

  /** From the files alone; repeats itself until nothing is left to be repaired. */
  async function recover(owned: Ownership, call: Call): Promise<Resumption> {
    for (;;) {
      const chain = await chainReader.read(call)
      for (const warning of chain.warnings) warn(warning)
      await owned.confirm(call)
      await setAside(chain.shadowed, call)
      if (await setAside(chain.shadowing, call)) continue
      if (await rebuildGaps(chain, { ...options, settings, owner: owned, writer, warn }, call)) continue
      const resumed = await resumption(storage, chain, settings.rebuildRecords, call)
      announce(chain)
      const { firstBatch, start } = resumed.place
      next = { batch: firstBatch, ...start }
      await renewCheckpoint(owned, chain.files.at(-1), resumed.checkpoint, call)
      return resumed
    }
  }

  /** Batches that somebody else wrote where this owner was about to. */
  function announce({ files }: Chain): void {
    if (phase !== 'running') return
    for (const { firstBatch, meta, status } of files) {
      if (meta && firstBatch >= next.batch) onBatch({ meta, file: status })
    }
  }

  async function renewCheckpoint(
    owned: Ownership,
    last: ChainFile | undefined,
    noted: Checkpoint | undefined,
    call: Call,
  ): Promise<void> {
    if (!last?.meta) return
    if (noted?.file.path === last.status.path && noted.file.file_id === last.status.fileId) return
    await writer.checkpoint(owned, { meta: last.meta, file: last.status }, call)
  }

  function moveOn(batch: WrittenBatch): void {
    const { lastBatch, endOffset: offset, totals } = batch.meta
    next = { batch: lastBatch + 1, offset, totals }
    onBatch(batch)
  }

  /** True where a file was moved away. */
  async function setAside(strays: readonly Stray[], call: Call): Promise<boolean> {
    let changed = false
    for (const stray of strays) {
      const moved = await moveAside({ storage, publisher, layout }, stray, call)
      changed ||= moved
      const { path } = stray.status
      if (moved) warn(`${path} was moved to ${DEAD_LETTER_FOLDER}: ${stray.reason}.`)
      else warn(`${path} is in the way and could not be moved to ${DEAD_LETTER_FOLDER}: ${stray.reason}.`)
    }
    return changed
  }

  /** Of a few kinds, but an unlucky partition could have any number. */
  function warn(message: string): void {
    warnings.delete(message)
    warnings.add(message)
    for (const oldest of warnings) {
      if (warnings.size <= MOST_WARNINGS) break
      warnings.delete(oldest)
    }
  }

  function trouble(doing: string, message: string | null): void {
    if (message === null) troubles.delete(doing)
    else troubles.set(doing, `${doing}: ${message}`)
  }

  function state(): SinkState {
    const { rows, doubles, deadLetters, lostRecords } = next.totals
    return {
      partition,
      phase,
      epoch: owner?.epoch ?? null,
      nextBatch: next.batch,
      nextOffset: next.offset,
      endOffset: Math.max(endOffset, next.offset),
      lag: Math.max(0, endOffset - next.offset),
      rows,
      doubles,
      deadLetters,
      lostRecords,
      heldRows: heldRows(),
      trouble: [...troubles.values()].join('; ') || null,
      warnings: [...warnings],
    }
  }

  return { run, state }
}
