import type { Call } from '../../datasources/call.ts'
import type { Clock } from '../../datasources/clock.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode } from '../../errors.ts'
import { type BatchRange, DATA_FOLDER, parseBatchName } from '../files/names.ts'
import type { BatchCodec } from '../sink/batchCodec.ts'
import type { ChainFile, ChainReader } from '../sink/chain.ts'
import type { CompactionSettings } from './settings.ts'
import type { OnCompactionStep } from './steps.ts'

export interface SweepReplacedOptions {
  partition: number
  storage: Storage
  codec: BatchCodec
  clock: Clock
  chainReader: ChainReader
  settings: Pick<CompactionSettings, 'keepReplacedMillis'>
  onStep: OnCompactionStep
}

/**
 * Removes files whose batches are all in one merged file that has been there for long enough, by the storage's clock. What both say of
 * themselves is looked at, whatever their names: a foreign file is nobody's to remove. Returns how many.
 *
 * The newest batch keeps its file, and so its name stays taken, until the next one is there: an owner that read the files before a
 * late predecessor wrote that batch would otherwise find the name free again, and give the number a second time.
 */
export async function sweepReplaced(options: SweepReplacedOptions, call: Call): Promise<number> {
  const { partition, storage, codec, clock, chainReader, settings, onStep } = options
  // Listed first: what is merged later does not matter yet.
  const listed = (await storage.list(DATA_FOLDER, call)).flatMap((status): ListedFile[] => {
    const range = parseBatchName(nameOf(status.path))
    return range?.partition === partition ? [{ ...range, status }] : []
  })
  const latest = clock.nowMillis() - settings.keepReplacedMillis
  const { files } = await chainReader.read(call)
  const holders = files.filter(file => isHolder(file, latest))
  const newestBatch = files.at(-1)?.lastBatch
  const replaced = listed.filter(
    ({ firstBatch, lastBatch }) =>
      lastBatch !== newestBatch &&
      holders.some(
        holder =>
          holder.firstBatch <= firstBatch &&
          lastBatch <= holder.lastBatch &&
          lastBatch - firstBatch < holder.lastBatch - holder.firstBatch,
      ),
  )
  if (replaced.length === 0) return 0
  await onStep('sweep')
  let swept = 0
  for (const file of replaced) {
    if (!(await isOurs(file, codec, storage, call))) continue
    await storage.remove(file.status.path, call)
    swept++
    await onStep('swept one')
  }
  await onStep('swept')
  return swept
}

async function isOurs(file: ListedFile, codec: BatchCodec, storage: Storage, call: Call): Promise<boolean> {
  try {
    const read = await codec.readMeta(storage, file.status, call)
    if ('problem' in read) return false
    const { partition, firstBatch, lastBatch } = read.meta
    return partition === file.partition && firstBatch === file.firstBatch && lastBatch === file.lastBatch
  } catch (error) {
    // Swept by somebody else, or without a live replica now.
    if (hasCode(error, 'NOT_FOUND', 'DATA_LOST')) return false
    throw error
  }
}

interface ListedFile extends BatchRange {
  status: FileStatus
}

function isHolder({ firstBatch, lastBatch, meta, status }: ChainFile, latestMillis: number): boolean {
  return meta !== undefined && lastBatch > firstBatch && status.modifiedAtMillis <= latestMillis
}
