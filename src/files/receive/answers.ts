import type { LogProducer } from '../../datasources/log.ts'
import { acknowledgmentRecord, type Outcome } from '../wire/acknowledgment.ts'
import type { Chunk } from '../wire/chunk.ts'
import { forgetOldest } from './forgetOldest.ts'

/** What a receiver says of blocks. Each resolves when the log has it, and rejects with its signal's reason alone, or for a refusal that will stay. */
export interface Answers {
  processed(block: Answered, details: { sha256: string; attempts: number }, signal: AbortSignal): Promise<void>
  failed(block: Answered, details: Failure, signal: AbortSignal): Promise<void>
  /** Asks for the block again, or says that it has failed where that was asked too often; returns which. */
  again(block: Answered, details: Failure, signal: AbortSignal): Promise<'again' | 'failed'>
}

export type Answered = Pick<Chunk, 'transferId' | 'file' | 'block' | 'totalBlocks' | 'blockBytes' | 'sendId'>

export interface Failure {
  reason: string
  /** Of the bytes that came; null where they did not come whole. */
  sha256: string | null
  /** Of the processor. */
  attempts: number
}

export interface AnswersOptions {
  producer: LogProducer
  topic: string
  machine: string
  mostAgain: number
  nowMillis: () => number
  /** Does it again while the log does not answer. */
  patiently: <T>(step: () => Promise<T>, signal: AbortSignal) => Promise<T>
}

const MOST_REASON_CHARACTERS = 1_000
/** Whose requests are counted, at most; the count of the oldest is forgotten. */
const MOST_COUNTED = 10_000

export function createAnswers(options: AnswersOptions): Answers {
  const { producer, topic, machine, mostAgain, nowMillis, patiently } = options
  const asked = new Map<string, number>()

  async function answer(
    { transferId, file, block, totalBlocks, blockBytes, sendId }: Answered,
    outcome: Outcome,
    { reason, ...details }: Omit<Failure, 'reason'> & { reason?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const record = acknowledgmentRecord({
      version: 1,
      transferId,
      file,
      block,
      totalBlocks,
      bytes: blockBytes,
      ...details,
      machine,
      outcome,
      sendId,
      ...(reason !== undefined && { reason: reason.slice(0, MOST_REASON_CHARACTERS) }),
      at: new Date(nowMillis()).toISOString(),
    })
    await patiently(() => producer.send(topic, [record], { signal }), signal)
  }

  return {
    processed: (block, details, signal) => answer(block, 'processed', details, signal),
    failed: (block, failure, signal) => answer(block, 'failed', failure, signal),
    async again(block, failure, signal) {
      const key = `${block.transferId}/${block.block}`
      const times = (asked.get(key) ?? 0) + 1
      asked.delete(key)
      if (times <= mostAgain) asked.set(key, times)
      forgetOldest(asked, MOST_COUNTED)
      const outcome = times <= mostAgain ? 'again' : 'failed'
      const reason =
        outcome === 'again' ? failure.reason : `${failure.reason}; it was asked for ${mostAgain} times again`
      await answer(block, outcome, { ...failure, reason }, signal)
      return outcome
    },
  }
}
