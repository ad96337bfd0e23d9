import type { Chunk } from '../wire/chunk.ts'
import type { Assembly } from './assembly.ts'
import type { AssembledFile } from './blockStore.ts'
import { forgetOldest } from './forgetOldest.ts'

/** A block of which some chunks have come, and the rest may still come. */
export type OpenBlock = Assembling | Finishing | Known

export interface Assembling {
  kind: 'assembling'
  sendId: string
  firstOffset: number
  assembly: Assembly
  file: AssembledFile
  receivedAtMillis: number
  /** When its last chunk came, by this machine's clock and by the log's. */
  heardAtMillis: number
  loggedAtMillis: number
}

export interface Finishing {
  kind: 'finishing'
  sendId: string
  firstOffset: number
  over: Promise<void>
}

/** It was stored before; only its digest is looked at. */
export interface Known {
  kind: 'known'
  sendId: string
  sha256: string | null
}

/** The open blocks of one partition, at most one attempt of each block. */
export interface OpenBlocks {
  get(block: BlockKey): OpenBlock | undefined
  put(block: BlockKey, open: OpenBlock): void
  /** This attempt begins nothing any more, whatever comes of it. */
  close(attempt: BlockKey & { sendId: string }): void
  isClosed(attempt: BlockKey & { sendId: string }): boolean
  /** Forgets the block, whose chunks then begin anew. */
  remove(block: BlockKey): void
  clear(): void
  assembling(): Assembling[]
  /** Those that hold the commit back. */
  underWay(): number
  /** The last offset up to which nothing is needed of any block under way, where `nextOffset` is the next to be read. */
  committable(nextOffset: number): number
}

export type BlockKey = Pick<Chunk, 'transferId' | 'block'>

/** Late chunks of a sender whose log did not answer come within its next few. */
const MOST_CLOSED = 10_000

export function createOpenBlocks(): OpenBlocks {
  const open = new Map<string, OpenBlock>()
  const closed = new Set<string>()
  const heldBack = () => [...open.values()].filter(one => one.kind !== 'known')

  return {
    get: block => open.get(keyOf(block)),
    put: (block, one) => void open.set(keyOf(block), one),
    close(attempt) {
      if (open.get(keyOf(attempt))?.sendId === attempt.sendId) open.delete(keyOf(attempt))
      closed.add(`${keyOf(attempt)}/${attempt.sendId}`)
      forgetOldest(closed, MOST_CLOSED)
    },
    isClosed: attempt => closed.has(`${keyOf(attempt)}/${attempt.sendId}`),
    remove: block => void open.delete(keyOf(block)),
    clear: () => open.clear(),
    assembling: () => [...open.values()].filter(one => one.kind === 'assembling'),
    underWay: () => heldBack().length,
    committable: nextOffset => Math.min(nextOffset, ...heldBack().map(({ firstOffset }) => firstOffset)),
  }
}

function keyOf({ transferId, block }: BlockKey): string {
  return `${transferId}/${block}`
}
