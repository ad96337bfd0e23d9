import type { LogGroup, LogRecord } from '../../datasources/log.ts'
import { asError, hasCode } from '../../errors.ts'
import { ClosedFolder } from '../closedFolder.ts'
import { transferNameProblem } from '../paths.ts'
import { type Chunk, isLastChunk, readChunkHeaders } from '../wire/chunk.ts'
import { decodeContent } from '../wire/content.ts'
import { readBlockKey } from '../wire/topics.ts'
import { sentence } from '../words.ts'
import { createAssembly } from './assembly.ts'
import type { BlockStore } from './blockStore.ts'
import type { AssembledBlock } from './finishBlock.ts'
import { type Assembling, type BlockKey, createOpenBlocks, type Known, type OpenBlock } from './openBlocks.ts'
import type { Workshop } from './workshop.ts'

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

export function createLane(options: LaneOptions, shop: Workshop): Lane {
  const { partition, group, revoked, ended } = options
  const { store, answers, seal, settings, clock, waiting, onStep } = shop
  const dropped = new AbortController()
  const gone = AbortSignal.any([revoked, ended, dropped.signal])
  const leaving = AbortSignal.any([gone, options.ending])
  const blocks = createOpenBlocks()
  let nextOffset = options.offset
  let committedOffset = options.offset

  async function takeRecord(record: LogRecord): Promise<void> {
    const chunk = readChunkHeaders(record.headers)
    if ('problem' in chunk) {
      await skipUnreadable(record, chunk.problem)
      return
    }
    let open = blocks.get(chunk)
    if (open && open.sendId !== chunk.sendId) {
      // Another attempt begins with its first chunk; anything else is late.
      if (chunk.index !== 0 || blocks.isClosed(chunk)) return
      if (open.kind === 'finishing') await open.over
      else await close({ ...chunk, sendId: open.sendId })
      open = undefined
    }
    if (blocks.isClosed(chunk)) return
    open ??= await begin(chunk, record)
    if (open?.kind === 'known') await takeKnown(chunk, open)
    if (open?.kind === 'assembling') await takeChunk(chunk, record, open)
  }

  async function skipUnreadable({ key, offset }: LogRecord, problem: string): Promise<void> {
    shop.onWarning(`Record ${offset} of partition ${partition} is no chunk: ${sentence(problem)}`)
    const block = readBlockKey(key)
    const open = block && blocks.get(block)
    if (open?.kind === 'assembling') await askAgain(open.assembly.chunk, `one of its records is no chunk: ${problem}`)
  }

  /** Undefined where the block is refused. */
  async function begin(chunk: Chunk, record: LogRecord): Promise<OpenBlock | undefined> {
    const problem = transferNameProblem(chunk.file)
    if (problem !== null) {
      await giveUp(chunk, problem)
      return undefined
    }
    let known: Awaited<ReturnType<BlockStore['find']>>
    try {
      known = await waiting.forStore(() => store.find(chunk, { signal: leaving }), leaving)
    } catch (error) {
      leaving.throwIfAborted()
      if (error instanceof ClosedFolder || !hasCode(error, 'BAD_USER_INPUT', 'FORBIDDEN')) throw error
      await giveUp(chunk, asError(error).message)
      return undefined
    }
    if (known) {
      const open: Known = { kind: 'known', sendId: chunk.sendId, sha256: known.sha256 }
      blocks.put(chunk, open)
      return open
    }
    if (chunk.index !== 0) {
      await askAgain(chunk, 'its first chunk is missing')
      return undefined
    }
    await makeRoom()
    const file = shop.newPlace()
    const assembly = await waiting.forDisk(() => createAssembly(file.place, chunk, shop.openFile), leaving)
    const nowMillis = clock.nowMillis()
    const open: Assembling = {
      kind: 'assembling',
      sendId: chunk.sendId,
      firstOffset: record.offset,
      assembly,
      file,
      receivedAtMillis: nowMillis,
      heardAtMillis: nowMillis,
      loggedAtMillis: record.timestampMillis,
    }
    blocks.put(chunk, open)
    return open
  }

  async function takeKnown(chunk: Chunk, { sha256 }: Known): Promise<void> {
    if (!isLastChunk(chunk)) return
    if (sha256 !== null && sha256 !== chunk.blockSha256) {
      await waiting.forStore(() => store.forget(chunk, { signal: leaving }), leaving)
      await askAgain(chunk, 'other bytes of this block are stored already')
      return
    }
    const repeated = { sha256: chunk.blockSha256!, attempts: 0 }
    await answers.processed(chunk, repeated, leaving)
    await close(chunk)
    await shop.onRepeated(chunk)
  }

  async function takeChunk(chunk: Chunk, record: LogRecord, open: Assembling): Promise<void> {
    const { assembly } = open
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
    open.heardAtMillis = clock.nowMillis()
    open.loggedAtMillis = record.timestampMillis
    await onStep('chunk written')
    if (isLastChunk(chunk)) await check(chunk, open)
  }

  async function check(last: Chunk, open: Assembling): Promise<void> {
    const { assembly } = open
    if (assembly.bytes() !== last.blockBytes) {
      await askAgain(last, `${assembly.bytes()} of its ${last.blockBytes} bytes came`)
      return
    }
    const sha256 = assembly.digest()
    if (sha256 !== last.blockSha256) {
      await askAgain(last, 'its bytes are not those of its digest', sha256)
      return
    }
    const { firstOffset, sendId, file, receivedAtMillis } = open
    const over = Promise.withResolvers<void>()
    const block = { last, sha256, assembly, file, receivedAtMillis }
    await shop.finishNext(async () => {
      blocks.put(last, { kind: 'finishing', sendId, firstOffset, over: over.promise })
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
      if (finished.kind === 'failed') shop.onWarning(`${named(block.last)} has failed: ${sentence(finished.reason)}`)
      await commit()
      await onStep('committed')
    } catch (error) {
      blocks.remove(block.last)
      if (hasCode(error, 'CONFLICT')) dropped.abort(error)
      else if (!gone.aborted) shop.onFailure(error)
    }
  }

  /** Commits what is committed anyway: the group refuses that from a member whose time is over. */
  async function confirm(): Promise<void> {
    await waiting.forLog(
      () => group.commit([{ partition, offset: blocks.committable(nextOffset) }], { signal: gone }),
      gone,
    )
  }

  async function commit(): Promise<void> {
    const offset = blocks.committable(nextOffset)
    if (offset <= committedOffset || gone.aborted) return
    try {
      await group.commit([{ partition, offset }], { signal: gone })
      committedOffset = Math.max(committedOffset, offset)
    } catch (error) {
      // The group will say that the partition is lost. What was not committed comes again and is recognised.
      if (!gone.aborted && !hasCode(error, 'CONFLICT', 'UNAVAILABLE')) throw error
    }
  }

  async function giveUp(chunk: Chunk, reason: string): Promise<void> {
    await answers.failed(chunk, { reason, sha256: null, attempts: 0 }, leaving)
    await close(chunk)
    shop.onRefused('failed')
    shop.onWarning(`${named(chunk)} was refused: ${sentence(reason)}`)
  }

  async function askAgain(chunk: Chunk, reason: string, sha256: string | null = null): Promise<void> {
    // Before the block is let go of, so that nothing behind it is committed until this is said.
    const outcome = await answers.again(chunk, { reason, sha256, attempts: 0 }, leaving)
    await close(chunk)
    shop.onRefused(outcome)
    shop.onWarning(`${named(chunk)} was asked for again: ${sentence(reason)}`)
  }

  async function close(attempt: BlockKey & { sendId: string }): Promise<void> {
    const open = blocks.get(attempt)
    blocks.close(attempt)
    if (open?.kind === 'assembling' && open.sendId === attempt.sendId) await open.assembly.drop()
  }

  async function makeRoom(): Promise<void> {
    const open = blocks.assembling()
    if (open.length < settings.mostOpenBlocks) return
    const silent = open.reduce((one, other) => (other.heardAtMillis < one.heardAtMillis ? other : one))
    await askAgain(silent.assembly.chunk, `${open.length} other blocks were under way`)
  }

  async function giveUpSilent(isSilent: (open: Assembling) => boolean): Promise<void> {
    for (const open of blocks.assembling()) {
      if (isSilent(open)) await askAgain(open.assembly.chunk, `chunk ${open.assembly.nextIndex()} did not come`)
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
        await giveUpSilent(open => open.loggedAtMillis < loggedAtMillis - settings.giveUpMillis)
      }),
    tidy: () =>
      unlessLeaving(async () => {
        await giveUpSilent(open => open.heardAtMillis < clock.nowMillis() - settings.giveUpMillis)
        await commit()
      }),
    openBlocks: () => blocks.underWay(),
    async drop() {
      dropped.abort(new Error('the partition is dropped'))
      const open = blocks.assembling()
      blocks.clear()
      await Promise.all(open.map(({ assembly }) => assembly.drop()))
    },
  }
}

function named({ file, block }: Chunk): string {
  return `Block ${block} of ${JSON.stringify(file)}`
}
