import { MillraceError } from '../../errors.ts'
import { CHUNK_BYTES } from '../wire/chunk.ts'
import { type ChunkStyle, chunkRecords } from './chunkRecords.ts'
import type { Conveyor } from './conveyor.ts'
import { createBlockDigest, createFileDigest, type FileDigest } from './digest.ts'
import { type OpenFile, openFile } from './openFile.ts'
import type { Outgoing } from './outgoing.ts'
import type { SenderStep } from './sender.ts'
import { blockPlace } from './transfer.ts'

/** Puts the blocks of files on the conveyor. What is wrong with a file is noted there; what is wrong with the log is thrown. */
export interface FileSending {
  /** All blocks of the file that are to be sent. */
  send(one: Outgoing): Promise<void>
  /** Those of the blocks that are to be sent, of a file that was sent before. */
  sendAgain(one: Outgoing, blocks: readonly number[]): Promise<void>
}

export interface FileSendingOptions {
  conveyor: Conveyor
  style: ChunkStyle
  signal: AbortSignal
  onChange: (one: Outgoing) => void
  onStep: (step: SenderStep) => void | Promise<void>
  /** Called between blocks. */
  lookAround: () => Promise<void>
}

export function createFileSending(options: FileSendingOptions): FileSending {
  const { conveyor, style, signal, onChange, onStep, lookAround } = options
  const { buffers } = style

  /** A failed file is told and left; the others go on. */
  async function withFile(one: Outgoing, work: (file: OpenFile) => Promise<void>): Promise<void> {
    await using file = await openFile(one.found).catch((error: unknown) => failed(one, error))
    try {
      if (file) await work(file)
    } catch (error) {
      if (error !== file?.problem()) throw error
      failed(one, error)
    }
  }

  function failed(one: Outgoing, error: unknown): undefined {
    if (!(error instanceof MillraceError)) throw error
    one.fail(error)
    onChange(one)
  }

  async function sendBlock(one: Outgoing, block: number, file: OpenFile, ofFile: FileDigest | undefined) {
    const digest = ofFile?.block() ?? createBlockDigest()
    const fileSha256 = () => {
      if (ofFile) one.noteFileSha256(ofFile.soFar())
      return one.fileSha256()!
    }
    const toSend = { transfer: one.transfer, block, sendId: one.begin(block), file, digest, fileSha256 }
    for await (const { record, bytes, isLast, release } of chunkRecords(toSend, style)) {
      await conveyor.put(record, () => {
        release()
        if (isLast) one.noteSent(block)
        else one.noteBytes(bytes)
        onChange(one)
      })
      await onStep('chunk put')
    }
    await onStep('block put')
  }

  async function readOver({ transfer }: Outgoing, block: number, file: OpenFile, digest: FileDigest): Promise<void> {
    const { offset, bytes } = blockPlace(transfer, block)
    for (let read = 0; read < bytes; read += CHUNK_BYTES) {
      signal.throwIfAborted()
      const buffer = buffers.take(Math.min(CHUNK_BYTES, bytes - read))
      await file.read(buffer, offset + read)
      digest.skip(buffer)
      buffers.give(buffer)
    }
  }

  return {
    async send(one) {
      const { totalBlocks } = one.transfer
      const first = firstToSend(one)
      if (first === undefined) return
      await withFile(one, async file => {
        // The digest of the file goes with its last block and needs all bytes, also those that are not sent again.
        const ofFile = one.isToSend(totalBlocks - 1) ? createFileDigest() : undefined
        for (let block = ofFile ? 0 : first; block < totalBlocks; block++) {
          signal.throwIfAborted()
          if (one.isToSend(block)) await sendBlock(one, block, file, ofFile)
          else if (ofFile) await readOver(one, block, file, ofFile)
          await lookAround()
        }
      })
      await onStep('file put')
    },

    sendAgain: (one, blocks) =>
      withFile(one, async file => {
        for (const block of blocks) {
          signal.throwIfAborted()
          if (one.isToSend(block)) await sendBlock(one, block, file, undefined)
        }
      }),
  }
}

function firstToSend(one: Outgoing): number | undefined {
  for (let block = 0; block < one.transfer.totalBlocks; block++) if (one.isToSend(block)) return block
  return undefined
}
