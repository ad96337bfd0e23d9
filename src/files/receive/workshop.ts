import type { Clock } from '../../datasources/clock.ts'
import type { Chunk } from '../wire/chunk.ts'
import type { Seal } from '../wire/seal.ts'
import type { Answers } from './answers.ts'
import type { OpenBlockFile } from './assembly.ts'
import type { BlockMetadata } from './blockMetadata.ts'
import type { AssembledFile, BlockStore } from './blockStore.ts'
import type { AssembledBlock, Finished, FinishingCall } from './finishBlock.ts'
import type { ReceiverSettings, ReceiverStep } from './receiver.ts'
import type { Waiting } from './waiting.ts'

/** What all lanes of a receiver share. */
export interface Workshop {
  store: BlockStore
  answers: Answers
  seal: Seal | null
  settings: ReceiverSettings
  clock: Clock
  waiting: Waiting
  newPlace: () => AssembledFile
  openFile: OpenBlockFile | undefined
  /** Begins to finish a block when the one before is finished; false where the receiver ends instead. `work` never rejects. */
  finishNext: (work: () => Promise<void>) => Promise<boolean>
  finish: (block: AssembledBlock, call: FinishingCall) => Promise<Finished>
  /** Told how a block ended. */
  onProcessed: (metadata: BlockMetadata) => Promise<void>
  onRepeated: (chunk: Chunk) => Promise<void>
  onRefused: (outcome: 'again' | 'failed') => void
  onWarning: (warning: string) => void
  /** Told of what nobody foresaw: the receiver ends with it. */
  onFailure: (error: unknown) => void
  onStep: (step: ReceiverStep) => void | Promise<void>
}
