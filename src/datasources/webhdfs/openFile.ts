import pLimit from 'p-limit'
import { MillraceError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { Call } from '../call.ts'
import type { ByteRange, FileStatus } from '../storage.ts'
import { quoted } from '../storagePath.ts'
import type { DataNodes } from './dataNodes.ts'
import type { HostAddresses } from './hostAddresses.ts'
import type { Liveness } from './liveness.ts'
import { type NameNode, NameNodeError } from './nameNode.ts'
import type { NodeHealth } from './nodeHealth.ts'
import { createReceiver, endsEarly, type Target } from './receive.ts'
import { isNoReplicaLeft } from './remoteException.ts'
import { createReplicaChoice, type ReplicaChoice } from './replicaChoice.ts'
import type { WebHdfsSettings } from './settings.ts'

export interface FileReader {
  /** Exactly `range.length` bytes; errors as Storage.read has them. */
  read(path: string, range: ByteRange, call: Call): Promise<Uint8Array>
  close(): Promise<void>
}

export interface FileReaderParts {
  nameNode: NameNode
  dataNodes: DataNodes
  hosts: HostAddresses
  health: NodeHealth
  liveness: Liveness
  settings: WebHdfsSettings
  stat: (path: string, call: Call) => Promise<FileStatus>
}

export function createFileReader(parts: FileReaderParts): FileReader {
  const { nameNode, dataNodes, health, settings, stat } = parts
  const receiver = createReceiver(parts)

  /** As long as all goes well, one OPEN brings the whole range, and nobody asks for the file's status. */
  async function read(path: string, range: ByteRange, call: Call): Promise<Uint8Array> {
    if (range.length === 0) return await readNothing(path, range, call)
    const reading: Reading = { path, choice: createReplicaChoice(health), troubles: [], call }
    if (health.remembered().size === 0) {
      const target: Target = { bytes: new Uint8Array(range.length), filled: 0 }
      if (await openOnce(reading, range, target, true)) return target.bytes
    }
    for (let turn = 0; turn < settings.readsOfAChangingFile; turn += 1) {
      const bytes = await readByBlocks(reading, range)
      if (bytes) return bytes
    }
    throw new MillraceError('UNAVAILABLE', `${quoted(path)} was replaced again and again while it was read`, {
      hint: 'Try again when fewer programs write it.',
    })
  }

  /**
   * A DataNode may get any block of an answer from a hung neighbour and wait for it. With one OPEN a block it does so before
   * its answer begins, where it can be asked again beside it. Starts from the first byte, because nobody knows whether bytes
   * that came before are of the same file. undefined where the file was replaced meanwhile.
   */
  async function readByBlocks(reading: Reading, range: ByteRange): Promise<Uint8Array | undefined> {
    const { path, call } = reading
    const status = await stat(path, call)
    if (status.kind === 'folder') throw notAFile(path)
    if (range.offset + range.length > status.length) throw endsEarly(path, range, status.length)
    const bytes = new Uint8Array(range.length)
    const failed = new AbortController()
    const signal = call.signal ? AbortSignal.any([call.signal, failed.signal]) : failed.signal
    const readBlock = async (part: ByteRange) => {
      const start = part.offset - range.offset
      const own = { ...reading, choice: reading.choice.copy(), call: { ...call, signal } }
      return await readPart(own, part, { bytes: bytes.subarray(start, start + part.length), filled: 0 })
    }
    try {
      const opens = await pLimit(settings.parallelBlocks).map(splitAtBlocks(range, status.blockBytes), readBlock)
      const onlyOne = opens.length === 1 && opens[0] === 1
      return onlyOne || isSameFile(status, await stat(path, call)) ? bytes : undefined
    } catch (error) {
      failed.abort(error) // ends the other blocks
      throw error
    }
  }

  /** Goes on from the byte reached, on another DataNode, until all is there. Returns how many OPENs it took. */
  async function readPart(reading: Reading, part: ByteRange, target: Target): Promise<number> {
    for (let opens = 0, fruitless = 0; ; opens += 1) {
      if (target.filled === part.length) return opens
      if (fruitless === settings.fruitlessOpens) throw givenUp(reading)
      const before = target.filled
      const rest = { offset: part.offset + before, length: part.length - before }
      await openOnce(reading, rest, target, false)
      fruitless = target.filled > before ? 0 : fruitless + 1
    }
  }

  /**
   * Asks the NameNode for a DataNode, and that for the range. False where bytes are missing after that.
   * @param first The range may have many blocks: silence between two of them is a neighbour's fault, and not waited for.
   */
  async function openOnce(reading: Reading, range: ByteRange, target: Target, first: boolean): Promise<boolean> {
    const { path, choice, troubles, call } = reading
    const location = await locate(reading, range)
    const node = await abortable(dataNodes.identify(location, choice.excluded()), call.signal)
    const bodyIdleMillis = first ? settings.bodyIdleMillis : settings.dataNodeIdleMillis
    const trouble = await receiver.receive({ path, location, node, range, target, bodyIdleMillis }, call)
    if (!trouble) {
      choice.answered(node)
      return true
    }
    const betweenBlocks = first && trouble.failure === 'silent' && target.filled > 0
    if (!betweenBlocks) choice.failed(node, trouble.failure)
    troubles.push(trouble.words)
    return false
  }

  /** Where the NameNode knows replicas on excluded DataNodes only, those get their second chances one by one. */
  async function locate(reading: Reading, range: ByteRange): Promise<URL> {
    const { path, choice, call } = reading
    for (;;) {
      const excluded = choice.excluded()
      const exclusion = excluded.length === 0 ? undefined : { excludedatanodes: excluded.join(',') }
      try {
        return await nameNode.locate({ method: 'GET', op: 'OPEN', path, parameters: { ...range, ...exclusion } }, call)
      } catch (error) {
        if (!(error instanceof NameNodeError && isNoReplicaLeft(error.remote))) throw error
        if (!choice.pardon()) throw lost(reading, range)
      }
    }
  }

  async function readNothing(path: string, range: ByteRange, call: Call): Promise<Uint8Array> {
    const status = await stat(path, call)
    if (status.kind === 'folder') throw notAFile(path)
    if (range.offset > status.length) throw endsEarly(path, range, status.length)
    return new Uint8Array(0)
  }

  return { read, close: () => receiver.close() }
}

/** What the OPENs of one read, or of one block of it, share. */
interface Reading {
  path: string
  choice: ReplicaChoice
  /** What went wrong so far, in words. */
  troubles: string[]
  call: Call
}

/** The parts of a range that lie in one block each. */
function splitAtBlocks({ offset, length }: ByteRange, blockBytes: number): ByteRange[] {
  const parts: ByteRange[] = []
  const end = offset + length
  for (let start = offset; start < end; ) {
    const next = Math.min(end, (Math.floor(start / blockBytes) + 1) * blockBytes)
    parts.push({ offset: start, length: next - start })
    start = next
  }
  return parts
}

function isSameFile(before: FileStatus, after: FileStatus): boolean {
  return (
    before.fileId === after.fileId &&
    before.length === after.length &&
    before.modifiedAtMillis === after.modifiedAtMillis
  )
}

function notAFile(path: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `expected a file at ${quoted(path)}, found a folder`)
}

function lost({ path, troubles }: Reading, { offset }: ByteRange): MillraceError {
  const tried = troubles.length === 0 ? '' : `: ${[...new Set(troubles)].join('; ')}`
  return new MillraceError('DATA_LOST', `no DataNode gives the block of ${quoted(path)} at byte ${offset}${tried}`, {
    hint: 'Start the DataNode that holds the only replica, or write the file again.',
  })
}

function givenUp({ path, troubles }: Reading): MillraceError {
  return new MillraceError('UNAVAILABLE', `could not read ${quoted(path)}: ${[...new Set(troubles)].join('; ')}`, {
    hint: 'The DataNodes answer, but not to the end; try again, and look into their logs.',
  })
}
