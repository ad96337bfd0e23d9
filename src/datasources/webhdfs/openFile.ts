import { MillraceError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { Call } from '../call.ts'
import type { ByteRange, FileStatus } from '../storage.ts'
import { quoted } from '../storagePath.ts'
import type { DataNodes } from './dataNodes.ts'
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
  health: NodeHealth
  liveness: Liveness
  settings: WebHdfsSettings
  stat: (path: string, call: Call) => Promise<FileStatus>
}

export function createFileReader(parts: FileReaderParts): FileReader {
  const { nameNode, dataNodes, health, liveness, settings, stat } = parts
  const receiver = createReceiver(health, liveness, settings)

  /** As long as all goes well, one OPEN brings the whole range, and nobody asks for the file's status. */
  async function read(path: string, range: ByteRange, call: Call): Promise<Uint8Array> {
    if (range.length === 0) return await readNothing(path, range, call)
    const reading: Reading = { path, choice: createReplicaChoice(health), troubles: [], call }
    const target: Target = { bytes: new Uint8Array(range.length), filled: 0 }
    if (await openOnce(reading, range, target)) return target.bytes
    for (let turn = 0; turn < settings.readsOfAChangingFile; turn += 1) {
      if (await readByPieces(reading, range, target)) return target.bytes
    }
    throw new MillraceError('UNAVAILABLE', `${quoted(path)} was replaced again and again while it was read`, {
      hint: 'Try again when fewer programs write it.',
    })
  }

  /**
   * Goes on from the byte reached, on another DataNode, until all is there. What came before the file's identity was
   * known is not built upon. False where the file was replaced by another one between two pieces.
   */
  async function readByPieces(reading: Reading, range: ByteRange, target: Target): Promise<boolean> {
    const { path, call } = reading
    const status = await stat(path, call)
    if (status.kind === 'folder') throw notAFile(path)
    if (range.offset + range.length > status.length) throw endsEarly(path, range, status.length)
    target.filled = 0
    for (let opens = 1, fruitless = 0; fruitless < settings.fruitlessOpens; opens += 1) {
      const before = target.filled
      const rest = { offset: range.offset + before, length: range.length - before }
      if (await openOnce(reading, rest, target)) return opens === 1 || isSameFile(status, await stat(path, call))
      fruitless = target.filled > before ? 0 : fruitless + 1
    }
    throw givenUp(reading)
  }

  /** Asks the NameNode for a DataNode, and that for the range. False where bytes are missing after that. */
  async function openOnce(reading: Reading, range: ByteRange, target: Target): Promise<boolean> {
    const { path, choice, troubles, call } = reading
    const location = await locate(reading, range)
    const node = await abortable(dataNodes.identify(location), call.signal)
    const trouble = await receiver.receive({ path, location, node, range, target }, call)
    if (!trouble) {
      choice.answered(node)
      return true
    }
    choice.failed(node, trouble.failure)
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

/** What the OPENs of one read share. */
interface Reading {
  path: string
  choice: ReplicaChoice
  /** What went wrong so far, in words. */
  troubles: string[]
  call: Call
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
