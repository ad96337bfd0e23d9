import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../datasources/clock.ts'
import type { Log } from '../../datasources/log.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Place } from './chain.ts'
import { type BatchStart, type ClosedBatch, type Decode, openBatch } from './openBatch.ts'
import type { Ownership } from './owner.ts'
import type { Patiently } from './patience.ts'
import { logReader, type Portion } from './reader.ts'
import type { SinkSettings } from './settings.ts'
import { createWake } from './wake.ts'
import type { BatchWriter, WrittenBatch } from './writeBatch.ts'

export type StartPlace = Place & { start: BatchStart }

export interface StreamOptions {
  log: Log
  topic: string
  partition: number
  settings: SinkSettings
  clock: Clock
  decode: Decode
  owner: Ownership
  writer: BatchWriter
  patiently: Patiently
  /** Failures of a write that pass. */
  passing: readonly ErrorCode[]
  /** Where the first batch goes. */
  place: StartPlace
  /** Where the first batch ends, where that was decided before. */
  closeAt: number | undefined
  /** Ends the stream when the open batch is written. */
  stop: AbortSignal
  /** Ends it at once. */
  signal: AbortSignal
  /** A batch is visible. */
  onWritten: (written: WrittenBatch) => void
  onEndOffset: (endOffset: number) => void
  onLost: (from: number, to: number) => void
  /** What tells how many rows are in memory from now on. */
  onHeld: (heldRows: () => number) => void
}

/**
 * Batch after batch, until stopped, or until the files have to be read again, because somebody else wrote a batch for example. While one batch is
 * written, the next one fills, and while that is full nothing is read but the portion that was asked for: so two batches and two portions are in
 * memory at most.
 */
export async function streamBatches(options: StreamOptions): Promise<'stopped' | 'look again'> {
  const { partition, settings, clock, decode, owner, writer, patiently, passing, stop, signal, onWritten } = options
  const wake = createWake(clock)
  const reader = logReader(options.place.start.offset, { ...options, onReady: wake.ring })
  let place = options.place
  let closeAt = options.closeAt
  let batch = openBatch(place.start, decode, settings)
  // What is damaged is in the way of readers: its repair does not wait for records.
  let openedAtMillis = place.repair ? clock.nowMillis() : undefined
  let portion: Portion | undefined
  let used = 0
  let writing: Writing | undefined
  options.onHeld(() => batch.rows() + (writing?.rows ?? 0))

  stop.addEventListener('abort', wake.ring)
  signal.addEventListener('abort', wake.ring)
  try {
    for (;;) {
      signal.throwIfAborted()
      if (writing?.outcome) {
        if ('error' in writing.outcome) throw writing.outcome.error
        if (writing.outcome.result === 'look again') return 'look again'
        writing = undefined
      }
      if (!stop.aborted) await fill()
      if (!writing && isDue()) writing = begin()
      else if (!writing && stop.aborted) return 'stopped'
      else await wake.until(writing ? undefined : dueAtMillis())
    }
  } finally {
    stop.removeEventListener('abort', wake.ring)
    signal.removeEventListener('abort', wake.ring)
    reader.close()
  }

  /** Takes what the log gave, until the batch is full or nothing is left. */
  async function fill(): Promise<void> {
    for (let sinceBreath = 0; !isFull(); sinceBreath += 1) {
      portion ??= nextPortion()
      if (!portion) break
      if (portion.lost) lose(portion)
      else if (used < portion.records.length) addRecord(portion)
      else pass(portion)
      if (!batch.isEmpty()) openedAtMillis ??= clock.nowMillis()
      if (sinceBreath === settings.sliceRecords) {
        await setImmediate()
        sinceBreath = 0
      }
    }
  }

  function nextPortion(): Portion | undefined {
    const failure = reader.failure()
    if (failure !== undefined) throw failure
    const next = reader.take()
    if (next) options.onEndOffset(next.endOffset)
    // Whoever decided on that end had read so far: it was another log, or this one was cut short.
    if (next && closeAt !== undefined && closeAt > next.endOffset) closeAt = undefined
    used = 0
    return next
  }

  function addRecord({ records }: Portion): void {
    const record = records[used]!
    if (closeAt !== undefined && record.offset >= closeAt) {
      batch.passTo(closeAt)
      return
    }
    batch.add(record)
    used += 1
  }

  function pass({ nextOffset }: Portion): void {
    const to = Math.min(nextOffset, closeAt ?? nextOffset)
    batch.passTo(to)
    if (to === nextOffset) portion = undefined
  }

  function lose({ nextOffset }: Portion): void {
    const to = Math.min(nextOffset, closeAt ?? nextOffset)
    options.onLost(batch.endOffset(), to)
    batch.loseTo(to)
    if (to === nextOffset) portion = undefined
  }

  /** A batch whose end was decided before has that end, whatever the settings are now. */
  function isFull(): boolean {
    return closeAt === undefined ? batch.isFull() : batch.endOffset() >= closeAt
  }

  function isDue(): boolean {
    if (isFull()) return true
    if (closeAt !== undefined || (batch.isEmpty() && !place.repair)) return false
    return stop.aborted || clock.nowMillis() >= dueAtMillis()!
  }

  function dueAtMillis(): number | undefined {
    return openedAtMillis === undefined || closeAt !== undefined ? undefined : openedAtMillis + settings.batchAgeMillis
  }

  /** Has the batch written, and opens the next one behind it. */
  function begin(): Writing {
    const closed = batch.close()
    const begun: Writing = { rows: batch.rows(), outcome: undefined }
    write(place, closed).then(
      result => {
        begun.outcome = { result }
        wake.ring()
      },
      (error: unknown) => {
        begun.outcome = { error }
        wake.ring()
      },
    )
    const nextBatch = place.lastBatch + 1
    const { endOffset: offset, totals } = closed.contents
    place = { partition, firstBatch: nextBatch, lastBatch: nextBatch, start: { offset, totals } }
    closeAt = undefined
    batch = openBatch(place.start, decode, settings)
    openedAtMillis = undefined
    return begun
  }

  async function write(to: Place, closed: ClosedBatch): Promise<WriteResult> {
    const call = { signal }
    const written = await patiently('writing a batch', passing, () => writer.write(owner, to, closed, call))
    if (written === 'taken') return 'look again'
    onWritten(written)
    await patiently('writing the checkpoint', passing, () => writer.checkpoint(owner, written, call))
    return to.repair ? 'look again' : 'written'
  }
}

interface Writing {
  rows: number
  outcome: { result: WriteResult } | { error: unknown } | undefined
}

/** Where the place was taken, or was that of a damaged file, the files have changed in other ways than by this batch. */
type WriteResult = 'written' | 'look again'
