import type { Clock } from '../../datasources/clock.ts'
import { asError, hasCode } from '../../errors.ts'
import { ClosedFolder } from '../closedFolder.ts'
import type { Chunk } from '../wire/chunk.ts'
import type { Answers } from './answers.ts'
import type { Assembly } from './assembly.ts'
import { type BlockMetadata, metadataOf } from './blockMetadata.ts'
import type { AssembledFile, BlockStore } from './blockStore.ts'
import type { Processor } from './processor.ts'
import type { ReceiverSettings, ReceiverStep } from './receiver.ts'
import type { Waiting } from './waiting.ts'

/** A block whose bytes are all there and right. */
export interface AssembledBlock {
  last: Chunk
  sha256: string
  assembly: Assembly
  file: AssembledFile
  receivedAtMillis: number
}

export interface FinishingOptions {
  machine: string
  store: BlockStore
  answers: Answers
  processor: Processor | null
  settings: Pick<ReceiverSettings, 'processAttempts' | 'firstPauseMillis'>
  clock: Clock
  waiting: Waiting
  onStep: (step: ReceiverStep) => void | Promise<void>
}

export interface FinishingCall {
  /** Aborted as soon as the block is another machine's. */
  signal: AbortSignal
  /** Throws CONFLICT where it is another machine's already, although the signal does not say so yet. */
  confirm: () => Promise<void>
}

export type Finished = { kind: 'processed'; metadata: BlockMetadata } | { kind: 'failed'; reason: string }

/**
 * Has the block processed, stores it and acknowledges it, in this order: whatever ends the process in between, another does the rest anew. Right before the
 * acknowledgment the group is asked once more, because a process that was stopped for a while does not know that its time is over.
 */
export async function finishBlock(
  block: AssembledBlock,
  { signal, confirm }: FinishingCall,
  options: FinishingOptions,
): Promise<Finished> {
  const { machine, store, answers, clock, waiting, onStep } = options
  const { last, sha256, assembly, file } = block
  try {
    signal.throwIfAborted()
    await waiting.forDisk(() => assembly.sync(), signal)
    await assembly.close()
    await onStep('assembled')
    const { attempts, problem } = await processBlock(block, signal, options)
    if (problem !== null) return await fail(problem, attempts)
    await onStep('processed')
    const { receivedAtMillis } = block
    const history = { machine, receivedAtMillis, processedAtMillis: clock.nowMillis(), attempts }
    const metadata = metadataOf(last, sha256, history)
    try {
      await waiting.forStore(() => store.put(file, metadata, { signal }), signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ClosedFolder) throw error
      // A name that this file system does not take, or that is taken otherwise; in a sink, blocks that make another file.
      if (!hasCode(error, 'BAD_USER_INPUT', 'FORBIDDEN', 'CONFLICT', 'DATA_LOST')) throw error
      return await fail(asError(error).message, attempts)
    }
    await onStep('stored')
    await confirm()
    await onStep('confirmed')
    await answers.processed(last, { sha256, attempts }, signal)
    await onStep('acknowledged')
    return { kind: 'processed', metadata }
  } finally {
    // What is stored is not there any more.
    await assembly.drop()
  }

  async function fail(reason: string, attempts: number): Promise<Finished> {
    await confirm()
    await answers.failed(last, { reason, sha256, attempts }, signal)
    return { kind: 'failed', reason }
  }
}

async function processBlock(
  { last, sha256, file }: AssembledBlock,
  signal: AbortSignal,
  { processor, settings, clock }: FinishingOptions,
): Promise<{ attempts: number; problem: string | null }> {
  if (!processor) return { attempts: 0, problem: null }
  const { file: name, transferId, block: number, totalBlocks, blockOffset: offset, blockBytes: bytes } = last
  const told = { file: name, transferId, number, totalBlocks, offset, bytes, sha256, path: file.place }
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await processor.process(told, signal)
    signal.throwIfAborted()
    if (outcome.kind === 'done') return { attempts, problem: null }
    // What has not ended in time would take as long again.
    const isLast = outcome.kind === 'late' || attempts >= settings.processAttempts
    if (isLast) return { attempts, problem: outcome.message }
    await clock.pause(settings.firstPauseMillis * 2 ** (attempts - 1), signal)
  }
}
