import type { Clock } from '../../datasources/clock.ts'
import type { LogGroup, LogRecord } from '../../datasources/log.ts'
import { asError, hasCode } from '../../errors.ts'
import { transferNameProblem } from '../paths.ts'
import { type Chunk, isLastChunk, readChunkHeaders } from '../wire/chunk.ts'
import { decodeContent } from '../wire/content.ts'
import type { Seal } from '../wire/seal.ts'
import { readBlockKey } from '../wire/topics.ts'
import type { Answers } from './answers.ts'
import { type Assembly, createAssembly, type OpenBlockFile } from './assembly.ts'
import type { BlockMetadata } from './blockMetadata.ts'
import type { AssembledFile, BlockStore } from './blockStore.ts'
import type { AssembledBlock, Finished, FinishingCall } from './finishBlock.ts'
import type { ReceiverSettings, ReceiverStep } from './receiver.ts'
import type { Waiting } from './waiting.ts'

/** One partition while it is this machine's: the blocks whose chunks have begun to come, and how far the group may commit. */
export interface Lane {
  /** In order. Resolves early when the lane is dropped or the receiver ends. */
  take(records: readonly LogRecord[], nextOffset: number): Promise<void>
  /** Gives up blocks that were waited for too long, and commits what is done. */
  tidy(): Promise<void>
  openBlocks(): number
  /** Removes what is assembled. Nothing is acknowledged or committed any more. */
  drop(): Promise<void>
}

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

export interface LaneOptions {
  partition: number
  /** Where the group goes on. */
  offset: number
  group: LogGroup
  /** Aborted when the partition is another's. */
  revoked: AbortSignal
  /** Aborted when nothing new is begun. */
  ending: AbortSignal
  /** Aborted when nothing is waited for any more. */
  ended: AbortSignal
}

type Slot = Assembling | Finishing | Known

interface Assembling {
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

interface Finishing {
  kind: 'finishing'
  sendId: string
  firstOffset: number
  over: Promise<void>
}

/** It was stored before; only its digest is looked at. */
interface Known {
  kind: 'known'
  sendId: string
  sha256: string | null
}

/** Attempts of senders that are done with, remembered so that late chunks of them begin nothing. */
const MOST_CLOSED = 10_000

export function createLane(options: LaneOptions, shop: Workshop): Lane {
  const { partition, group, revoked, ended } = options
  const { store, answers, seal, settings, clock, waiting, onStep } = shop
  const dropped = new AbortController()
  const gone = AbortSignal.any([revoked, ended, dropped.signal])
  const leaving = AbortSignal.any([gone, options.ending])
  const slots = new Map<string, Slot>()
  const closed = new Set<string>()
  let nextOffset = options.offset
  let committedOffset = options.offset

  async function takeRecord(record: LogRecord): Promise<void> {
    const chunk = readChunkHeaders(record.headers)
    if ('problem' in chunk) {
      await skipUnreadable(record, chunk.problem)
      return
    }
    const key = keyOf(chunk)
    let slot = slots.get(key)
    if (slot && slot.sendId !== chunk.sendId) {
      // Another attempt begins with its first chunk; anything else is late.
      if (chunk.index !== 0 || isClosed(chunk)) return
      if (slot.kind === 'finishing') await slot.over
      else await close(chunk, slot)
      slot = slots.get(key)
    }
    if (isClosed(chunk)) return
    slot ??= await begin(chunk, record)
    if (slot?.kind === 'known') await takeKnown(chunk, slot)
    if (slot?.kind === 'assembling') await takeChunk(chunk, record, slot)
  }

  async function skipUnreadable({ key, offset }: LogRecord, problem: string): Promise<void> {
    shop.onWarning(`Record ${offset} of partition ${partition} is no chunk: ${problem}.`)
    const named = readBlockKey(key)
    const slot = named && slots.get(`${named.transferId}/${named.block}`)
    if (slot?.kind === 'assembling') await askAgain(slot.assembly.chunk, `one of its records is no chunk: ${problem}`)
  }

  /** Undefined where the block is refused. */
  async function begin(chunk: Chunk, record: LogRecord): Promise<Slot | undefined> {
    const problem = transferNameProblem(chunk.file)
    if (problem !== null) {
      await giveUp(chunk, problem)
      return undefined
    }
    let known: Awaited<ReturnType<BlockStore['find']>>
    try {
      known = await waiting.forStorage(() => store.find(chunk, { signal: leaving }), leaving)
    } catch (error) {
      leaving.throwIfAborted()
      if (!hasCode(error, 'BAD_USER_INPUT', 'FORBIDDEN')) throw error
      await giveUp(chunk, asError(error).message)
      return undefined
    }
    if (known) {
      const slot: Known = { kind: 'known', sendId: chunk.sendId, sha256: known.sha256 }
      slots.set(keyOf(chunk), slot)
      return slot
    }
    if (chunk.index !== 0) {
      await askAgain(chunk, 'its first chunk is missing')
      return undefined
    }
    await makeRoom()
    const file = shop.newPlace()
    const assembly = await waiting.forDisk(() => createAssembly(file.place, chunk, shop.openFile), leaving)
    const nowMillis = clock.nowMillis()
    const slot: Assembling = {
      kind: 'assembling',
      sendId: chunk.sendId,
      firstOffset: record.offset,
      assembly,
      file,
      receivedAtMillis: nowMillis,
      heardAtMillis: nowMillis,
      loggedAtMillis: record.timestampMillis,
    }
    slots.set(keyOf(chunk), slot)
    return slot
  }

  async function takeKnown(chunk: Chunk, { sha256 }: Known): Promise<void> {
    if (!isLastChunk(chunk)) return
    if (sha256 !== null && sha256 !== chunk.blockSha256) {
      await waiting.forStorage(() => store.forget(chunk, { signal: leaving }), leaving)
      await askAgain(chunk, 'other bytes of this block are stored already')
      return
    }
    const repeated = { sha256: chunk.blockSha256!, attempts: 0 }
    await answers.processed(chunk, repeated, leaving)
    await close(chunk)
    await shop.onRepeated(chunk)
  }

  async function takeChunk(chunk: Chunk, record: LogRecord, slot: Assembling): Promise<void> {
    const { assembly } = slot
    // A sender whose log did not answer sends some of its chunks twice.
    if (chunk.index < assembly.nextIndex()) return
    const problem = assembly.problemOf(chunk)
    if (problem !== null) {
      await askAgain(chunk, problem)
      return
    }
    let plain: Uint8Array
    try {
      plain = await decodeContent(chunk, record.value, seal)
    } catch (error) {
      if (hasCode(error, 'FORBIDDEN')) await giveUp(chunk, error.message)
      else if (hasCode(error, 'DATA_LOST')) await askAgain(chunk, error.message)
      else throw error
      return
    }
    await waiting.forDisk(() => assembly.add(chunk, plain), leaving)
    slot.heardAtMillis = clock.nowMillis()
    slot.loggedAtMillis = record.timestampMillis
    await onStep('chunk written')
    if (isLastChunk(chunk)) await check(chunk, slot)
  }

  async function check(last: Chunk, slot: Assembling): Promise<void> {
    const { assembly } = slot
    if (assembly.bytes() !== last.blockBytes) {
      await askAgain(last, `${assembly.bytes()} of its ${last.blockBytes} bytes came`)
      return
    }
    const sha256 = assembly.digest()
    if (sha256 !== last.blockSha256) {
      await askAgain(last, 'its bytes are not those of its digest', sha256)
      return
    }
    const { firstOffset, sendId, file, receivedAtMillis } = slot
    const over = Promise.withResolvers<void>()
    const block = { last, sha256, assembly, file, receivedAtMillis }
    await shop.finishNext(async () => {
      slots.set(keyOf(last), { kind: 'finishing', sendId, firstOffset, over: over.promise })
      await finish(block)
      over.resolve()
    })
  }

  /** Never rejects. */
  async function finish(block: AssembledBlock): Promise<void> {
    try {
      const finished = await shop.finish(block, { signal: gone, confirm })
      await close(block.last)
      if (finished.kind === 'processed') await shop.onProcessed(finished.metadata)
      else shop.onRefused('failed')
      if (finished.kind === 'failed') shop.onWarning(`${named(block.last)} has failed: ${finished.reason}.`)
      await commit()
      await onStep('committed')
    } catch (error) {
      slots.delete(keyOf(block.last))
      if (hasCode(error, 'CONFLICT')) dropped.abort(error)
      else if (!gone.aborted) shop.onFailure(error)
    }
  }

  /** Commits what is committed anyway: the group refuses that from a member whose time is over. */
  async function confirm(): Promise<void> {
    await waiting.forLog(() => group.commit([{ partition, offset: committable() }], { signal: gone }), gone)
  }

  async function commit(): Promise<void> {
    const offset = committable()
    if (offset <= committedOffset || gone.aborted) return
    try {
      await group.commit([{ partition, offset }], { signal: gone })
      committedOffset = Math.max(committedOffset, offset)
    } catch (error) {
      // The group will say that the partition is lost. What was not committed comes again and is recognised.
      if (!gone.aborted && !hasCode(error, 'CONFLICT', 'UNAVAILABLE')) throw error
    }
  }

  /** Before it is nothing of a block that is under way. */
  function committable(): number {
    let offset = nextOffset
    for (const slot of slots.values()) if (slot.kind !== 'known') offset = Math.min(offset, slot.firstOffset)
    return offset
  }

  async function giveUp(chunk: Chunk, reason: string): Promise<void> {
    await answers.failed(chunk, { reason, sha256: null, attempts: 0 }, leaving)
    await close(chunk)
    shop.onRefused('failed')
    shop.onWarning(`${named(chunk)} was refused: ${reason}.`)
  }

  async function askAgain(chunk: Chunk, reason: string, sha256: string | null = null): Promise<void> {
    // Before the block is let go of, so that nothing behind it is committed until this is said.
    const outcome = await answers.again(chunk, { reason, sha256, attempts: 0 }, leaving)
    await close(chunk)
    shop.onRefused(outcome)
    shop.onWarning(`${named(chunk)} was asked for again: ${reason}.`)
  }

  /** This attempt begins nothing any more. */
  async function close(chunk: Chunk, slot = slots.get(keyOf(chunk))): Promise<void> {
    slots.delete(keyOf(chunk))
    closed.add(`${keyOf(chunk)}/${slot?.sendId ?? chunk.sendId}`)
    for (const oldest of closed) {
      if (closed.size <= MOST_CLOSED) break
      closed.delete(oldest)
    }
    if (slot?.kind === 'assembling') await slot.assembly.drop()
  }

  function isClosed(chunk: Chunk): boolean {
    return closed.has(`${keyOf(chunk)}/${chunk.sendId}`)
  }

  function assembling(): Assembling[] {
    return [...slots.values()].filter(slot => slot.kind === 'assembling')
  }

  async function makeRoom(): Promise<void> {
    const open = assembling()
    if (open.length < settings.mostOpenBlocks) return
    const silent = open.reduce((one, other) => (other.heardAtMillis < one.heardAtMillis ? other : one))
    await askAgain(silent.assembly.chunk, `${open.length} other blocks were under way`)
  }

  async function giveUpSilent(isSilent: (slot: Assembling) => boolean): Promise<void> {
    for (const slot of assembling()) {
      if (isSilent(slot)) await askAgain(slot.assembly.chunk, `chunk ${slot.assembly.nextIndex()} did not come`)
    }
  }

  /** What fails because the lane, or the receiver, is at its end is no failure. */
  async function unlessLeaving(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!leaving.aborted) throw error
    }
  }

  return {
    take: (records, behind) =>
      unlessLeaving(async () => {
        for (const record of records) {
          if (leaving.aborted) return
          await takeRecord(record)
          if (leaving.aborted) return
          nextOffset = record.offset + 1
        }
        nextOffset = behind
        const loggedAtMillis = records.at(-1)?.timestampMillis ?? 0
        await giveUpSilent(slot => slot.loggedAtMillis < loggedAtMillis - settings.giveUpMillis)
      }),
    tidy: () =>
      unlessLeaving(async () => {
        await giveUpSilent(slot => slot.heardAtMillis < clock.nowMillis() - settings.giveUpMillis)
        await commit()
      }),
    openBlocks: () => [...slots.values()].filter(({ kind }) => kind !== 'known').length,
    async drop() {
      dropped.abort(new Error('the partition is dropped'))
      const open = assembling()
      slots.clear()
      await Promise.all(open.map(({ assembly }) => assembly.drop()))
    },
  }
}

function keyOf({ transferId, block }: Pick<Chunk, 'transferId' | 'block'>): string {
  return `${transferId}/${block}`
}

function named({ file, block }: Chunk): string {
  return `Block ${block} of ${JSON.stringify(file)}`
}
