import type { Call } from '../../datasources/call.ts'
import type { Clock } from '../../datasources/clock.ts'
import { createPublisher } from '../../datasources/publish.ts'
import type { FileLayout, Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import { batchPath, DATA_FOLDER, parseBatchName } from '../files/names.ts'
import type { BatchMeta } from '../sink/batchCodec.ts'
import { type Chain, type ChainFile, createChainReader } from '../sink/chain.ts'
import { type Candidate, choose, chooseAny } from './chooseRange.ts'
import { type MergeCodec, mergedMeta } from './mergeCodec.ts'
import { PLAN_FOLDER, type Plan, planStore } from './plans.ts'
import { type CompactionSettings, compactionDefaults } from './settings.ts'
import type { OnCompactionStep } from './steps.ts'
import { sweepReplaced } from './sweepReplaced.ts'

/** Times in a row that somebody else may get in the way of one merge. */
const MOST_DISTURBANCES = 5

export interface CompactorOptions {
  partition: number
  storage: Storage
  codec: MergeCodec
  clock: Clock
  newId: () => string
  /** What differs from compactionDefaults. */
  settings?: Partial<CompactionSettings>
  /** Which files to merge next, neighbours of which each follows on; for tests that want others than are worth it. */
  choose?: (candidates: readonly Candidate[]) => Candidate[]
  onStep?: OnCompactionStep
}

export interface Compacted {
  /** Files that became `merged` files. */
  files: number
  merged: number
  rows: number
  /** Files of earlier merges that were removed. */
  swept: number
}

/** Merges the files of one partition. */
export interface Compactor {
  /**
   * Finishes what somebody began, merges what is worth it, or with `all` whatever can be, and removes what was replaced long ago. Any
   * number of processes may do it at the same time, and die: readers and the sink see the old files or the new one. Throws what the
   * storage throws, and DATA_LOST where a file that is to be merged cannot be read or is missing; doing it again goes on from there.
   */
  compact(how: { all: boolean }, call: Call): Promise<Compacted>
}

export function createCompactor(options: CompactorOptions): Compactor {
  const { partition, storage, codec, clock, newId, onStep = () => {} } = options
  const settings = { ...compactionDefaults, ...options.settings }
  const layout: FileLayout = { replication: settings.replication, blockBytes: settings.blockBytes }
  const publisher = createPublisher(storage, `compaction-${newId()}`, { clock, newId })
  const chainReader = createChainReader(storage, codec, partition)
  const plans = planStore({ partition, storage, publisher, layout })

  async function compact({ all }: { all: boolean }, call: Call): Promise<Compacted> {
    const done: Compacted = { files: 0, merged: 0, rows: 0, swept: 0 }
    let disturbed = 0
    for (;;) {
      call.signal?.throwIfAborted()
      const latest = await plans.latest(call)
      // Read after the plan: so the files are those that were visible when it was done, or newer.
      const chain = await chainReader.read(call)
      if (latest && !isOver(latest, chain)) {
        const inputs = inputsOf(latest, chain)
        const rows = await merge(inputs, freeName(latest, chain), call)
        if (rows === undefined) {
          // What got in the way is seen by looking again; but not for ever.
          if (++disturbed > MOST_DISTURBANCES) throw notMerged(latest)
          continue
        }
        disturbed = 0
        done.files += inputs.length
        done.merged += 1
        done.rows += rows
        await plans.tidy(latest, call)
        await onStep('plans tidied')
        continue
      }
      const chosen = chooseFrom(candidatesOf(chain), all)
      if (chosen.length === 0) break
      await onStep('plan')
      const range = { firstBatch: chosen[0]!.firstBatch, lastBatch: chosen.at(-1)!.lastBatch }
      if (await plans.decide(latest, range, call)) await onStep('plan published')
    }
    if (done.merged > 0) await sweepTemporaries(call)
    done.swept = await sweepReplaced({ partition, storage, codec, clock, chainReader, settings, onStep }, call)
    return done
  }

  /** Of merges that died more than an hour ago. */
  async function sweepTemporaries(call: Call): Promise<void> {
    for (const folder of [DATA_FOLDER, PLAN_FOLDER]) await publisher.sweep(folder, { call })
  }

  function chooseFrom(candidates: readonly Candidate[], all: boolean): Candidate[] {
    if (options.choose) return options.choose(candidates)
    return all ? chooseAny(candidates, settings) : choose(candidates, settings)
  }

  /** Undefined where somebody else did it meanwhile. */
  async function merge(inputs: readonly MergeInput[], path: string, call: Call): Promise<number | undefined> {
    const meta = mergedMeta(inputs.map(input => input.meta))
    const statuses = inputs.map(({ status }) => status)
    const merged = codec.merge(storage, statuses, meta, call)
    async function* content() {
      await onStep('merge begun')
      let pieces = 0
      for await (const piece of merged.content()) {
        yield piece
        if (++pieces === 2) await onStep('merge half-written')
      }
    }
    try {
      await publisher.publishNew(path, content, layout, {
        call,
        async check(temporary) {
          await onStep('merge closed')
          await merged.check(temporary)
          await onStep('merge checked')
        },
      })
    } catch (error) {
      // NOT_FOUND: swept already, because the merged file is there.
      if (hasCode(error, 'CONFLICT', 'NOT_FOUND')) return undefined
      throw error
    }
    await onStep('merge renamed')
    return meta.rows
  }

  /** A name that a damaged file has is not given again: as with the sink's own files, the next repair takes its place. */
  function freeName({ firstBatch, lastBatch }: Plan, { shadowing, shadowed }: Chain): string {
    const repairs = [...shadowing, ...shadowed].flatMap(({ status }) => {
      const range = parseBatchName(nameOf(status.path))
      return range?.firstBatch === firstBatch && range.lastBatch === lastBatch ? [range.repair ?? 0] : []
    })
    return batchPath({ partition, firstBatch, lastBatch, repair: Math.max(-1, ...repairs) + 1 })
  }

  function inputsOf({ firstBatch, lastBatch }: Plan, { files }: Chain): MergeInput[] {
    const inside = files.filter(file => file.firstBatch >= firstBatch && file.lastBatch <= lastBatch)
    const inputs = inside.flatMap(({ status, meta }) => (meta ? [{ status, meta }] : []))
    const batches = inputs.reduce((sum, { meta }) => sum + meta.lastBatch - meta.firstBatch + 1, 0)
    if (batches === lastBatch - firstBatch + 1) return inputs
    const unreadable = lastBatch - firstBatch + 1 - batches
    throw new MillraceError(
      'DATA_LOST',
      `Expected to merge batches ${firstBatch} to ${lastBatch} of partition ${partition}, but ${unreadable} of them cannot be read now.`,
      {
        hint: 'Start the stream, which makes missing files again from the log, or the DataNodes that have them; then merge again.',
      },
    )
  }

  function notMerged({ firstBatch, lastBatch }: Plan): MillraceError {
    return new MillraceError(
      'UNAVAILABLE',
      `Expected to merge batches ${firstBatch} to ${lastBatch} of partition ${partition}, but their files changed each time.`,
      { hint: 'Merge again when the storage is quieter.' },
    )
  }

  return { compact }
}

interface MergeInput {
  status: ChainFile['status']
  meta: BatchMeta
}

/**
 * One file holds the batches; or the sink made lost ones again as a file that holds some of them and others: then nothing can come of
 * the plan.
 */
function isOver(plan: Plan, { files }: Chain): boolean {
  return files.some(({ firstBatch, lastBatch }) => {
    const overlaps = firstBatch <= plan.lastBatch && plan.firstBatch <= lastBatch
    const isInside = plan.firstBatch <= firstBatch && lastBatch <= plan.lastBatch
    const isWhole = firstBatch <= plan.firstBatch && plan.lastBatch <= lastBatch
    return overlaps && (isWhole || !isInside)
  })
}

/** The files behind which nothing is missing or unreadable. */
function candidatesOf({ files }: Chain): Candidate[] {
  return files.flatMap((file, index): Candidate[] => {
    const { status, meta } = file
    const before = files[index - 1]
    if (!meta) return []
    const follows = before?.meta?.endOffset === meta.firstOffset && before.lastBatch + 1 === file.firstBatch
    return [{ ...file, length: status.length, follows }]
  })
}
