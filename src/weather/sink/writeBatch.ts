import type { Call } from '../../datasources/call.ts'
import type { Clock } from '../../datasources/clock.ts'
import { jsonBytes } from '../../datasources/jsonFile.ts'
import type { ExclusivePublisher } from '../../datasources/publish.ts'
import type { FileLayout, FileStatus, Storage } from '../../datasources/storage.ts'
import { quoted } from '../../datasources/storagePath.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import { batchPath } from '../files/names.ts'
import type { BatchCodec, BatchMeta } from './batchCodec.ts'
import type { Place } from './chain.ts'
import { keepAside } from './deadLetters.ts'
import type { ClosedBatch } from './openBatch.ts'
import type { Ownership } from './owner.ts'
import { checkpointPath, intentPath } from './paths.ts'
import type { Checkpoint, Intent } from './records.ts'
import type { OnSinkStep } from './steps.ts'

/** What writing batches needs of the sink it belongs to. */
export interface WriterOptions {
  storage: Storage
  publisher: ExclusivePublisher
  codec: BatchCodec
  clock: Clock
  layout: FileLayout
  onStep: OnSinkStep
}

/** A batch that readers see. */
export interface WrittenBatch {
  meta: BatchMeta
  file: FileStatus
}

export interface BatchWriter {
  /**
   * Makes a batch visible: what cannot be a row is kept aside, then the intent, then the file. CONFLICT where this owner has been followed by
   * another; 'taken' where the place has a file already, by whomever. Doing it again after a failure is safe.
   */
  write(owner: Ownership, place: Place, batch: ClosedBatch, call: Call): Promise<WrittenBatch | 'taken'>
  /** As write(), for batches in the middle, whose neighbours say what belongs into them: without an intent. */
  rewrite(owner: Ownership, place: Place, batch: ClosedBatch, call: Call): Promise<WrittenBatch | 'taken'>
  /** Says in the checkpoint how far the partition is. CONFLICT as write(). */
  checkpoint(owner: Ownership, written: WrittenBatch, call: Call): Promise<void>
}

export function batchWriter({ storage, publisher, codec, clock, layout, onStep }: WriterOptions): BatchWriter {
  async function write(
    owner: Ownership,
    place: Place,
    batch: ClosedBatch,
    call: Call,
  ): Promise<WrittenBatch | 'taken'> {
    await prepare(owner, place, batch, call)
    await onStep('intent')
    const { firstOffset, endOffset } = batch.contents
    const { firstBatch, lastBatch } = place
    const intent: Intent = { batch: firstBatch, lastBatch, firstOffset, endOffset, epoch: owner.epoch }
    await publisher.publish(intentPath(place.partition), () => [jsonBytes(intent)], layout, { call })
    await onStep('intent published')
    return await publishBatch(owner, place, batch, call)
  }

  async function rewrite(
    owner: Ownership,
    place: Place,
    batch: ClosedBatch,
    call: Call,
  ): Promise<WrittenBatch | 'taken'> {
    await prepare(owner, place, batch, call)
    return await publishBatch(owner, place, batch, call)
  }

  /** Dead letters first: from the moment the batch is visible nobody reads their records again. */
  async function prepare(owner: Ownership, { partition }: Place, batch: ClosedBatch, call: Call): Promise<void> {
    await keepAside({ partition, publisher, layout }, batch.letters, batch.contents.lost, call)
    await owner.confirm(call)
  }

  async function publishBatch(
    { epoch }: Ownership,
    place: Place,
    { rows, contents }: ClosedBatch,
    call: Call,
  ): Promise<WrittenBatch | 'taken'> {
    const { partition, firstBatch, lastBatch } = place
    const writtenAt = new Date(clock.nowMillis()).toISOString()
    const meta: BatchMeta = { version: 1, partition, firstBatch, lastBatch, ...contents, epoch, writtenAt }
    const chunks = await codec.encode(rows, meta)
    try {
      const content = () => inHalves(chunks, onStep)
      const check = (temporary: FileStatus) => checkWritten(temporary, chunks, call)
      const file = await publisher.publishNew(batchPath(place), content, layout, { check, call })
      await onStep('renamed')
      return { meta, file }
    } catch (error) {
      if (hasCode(error, 'CONFLICT')) return 'taken'
      throw error
    }
  }

  /** Reads everything back: a batch is published only if it is on the disks byte for byte. */
  async function checkWritten({ path, length }: FileStatus, chunks: readonly Uint8Array[], call: Call): Promise<void> {
    await onStep('closed')
    const bytes = Buffer.from(await storage.read(path, { offset: 0, length }, call))
    let offset = 0
    for (const chunk of chunks) {
      if (!bytes.subarray(offset, offset + chunk.length).equals(chunk)) {
        throw new MillraceError(
          'DATA_LOST',
          `expected to read back from ${quoted(path)} what was written, got other bytes`,
        )
      }
      offset += chunk.length
    }
    await onStep('checked')
  }

  async function checkpoint(owner: Ownership, { meta, file }: WrittenBatch, call: Call): Promise<void> {
    // A late owner's would be older than what is there.
    await owner.confirm(call)
    await onStep('checkpoint')
    const { partition, lastBatch, endOffset, totals } = meta
    const content: Checkpoint = {
      batch_id: lastBatch,
      offset: endOffset,
      partition,
      epoch: owner.epoch,
      rows: totals.rows,
      doubles: totals.doubles,
      dead_letters: totals.deadLetters,
      lost_records: totals.lostRecords,
      max_row_id: totals.maxRowId,
      file: { path: file.path, length: file.length, file_id: file.fileId },
    }
    await publisher.publish(checkpointPath(partition), () => [jsonBytes(content)], layout, { call })
    await onStep('checkpoint published')
  }

  return { write, rewrite, checkpoint }
}

async function* inHalves(chunks: readonly Uint8Array[], onStep: OnSinkStep): AsyncGenerator<Uint8Array> {
  await onStep('temporary open')
  const half = chunks.reduce((sum, { length }) => sum + length, 0) / 2
  let bytes = 0
  for (const chunk of chunks) {
    const before = Math.ceil(half) - bytes
    bytes += chunk.length
    if (before <= 0 || before > chunk.length) {
      yield chunk
      continue
    }
    yield chunk.subarray(0, before)
    await onStep('half-written')
    if (before < chunk.length) yield chunk.subarray(before)
  }
}
