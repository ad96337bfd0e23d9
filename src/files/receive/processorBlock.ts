import type { Readable } from 'node:stream'

/** What a processor module is told of one block: `export async function process(block: ProcessorBlock)`. */
export interface ProcessorBlock {
  /** Relative path of the file, with "/" between its parts. */
  file: string
  transferId: string
  /** Of the block, from 0. */
  number: number
  totalBlocks: number
  /** Where the block begins in the file. */
  offset: number
  bytes: number
  /** In hexadecimal; it has been checked. */
  sha256: string
  /** The block's bytes, to be read only. */
  path: string
  /** The same as a stream. */
  open(): Readable
}

/** As it goes to the processor's thread. */
export type BlockToProcess = Omit<ProcessorBlock, 'open'>

/** What the thread says: first whether it has the module, then, for each block, how it went. */
export type ProcessorReply = { kind: 'ready' } | { kind: 'unusable'; message: string } | ProcessorOutcome
export type ProcessorOutcome = { kind: 'done' } | { kind: 'failed'; message: string }
