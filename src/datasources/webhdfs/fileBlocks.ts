import { MillraceError } from '../../errors.ts'
import type { Call } from '../call.ts'
import type { BlockReplicas, FileBlocks, FileStatus } from '../storage.ts'
import { quoted } from '../storagePath.ts'
import { readBlockLocations, readFileBlockLocations } from './answers.ts'
import { type NameNode, NameNodeError } from './nameNode.ts'
import { isUnknownOperation } from './remoteException.ts'

/** Asks a NameNode where blocks lie, and remembers which of the two operations for it this NameNode knows. */
export function createBlockLocator(nameNode: NameNode, stat: (path: string, call: Call) => Promise<FileStatus>) {
  let knowsFileBlockLocations = true

  async function locations(path: string, length: number, call: Call): Promise<BlockReplicas[]> {
    const operation = { method: 'GET', path, parameters: { offset: 0, length } } as const
    if (knowsFileBlockLocations) {
      try {
        return readFileBlockLocations(await nameNode.ask({ ...operation, op: 'GETFILEBLOCKLOCATIONS' }, call))
      } catch (error) {
        if (!(error instanceof NameNodeError && isUnknownOperation(error.remote))) throw error
        knowsFileBlockLocations = false
      }
    }
    return readBlockLocations(await nameNode.ask({ ...operation, op: 'GET_BLOCK_LOCATIONS' }, call))
  }

  /** Every block of the file, in order. */
  return async function blockLocations(path: string, call: Call): Promise<FileBlocks> {
    const { kind, length, replication, blockBytes } = await stat(path, call)
    if (kind === 'folder') {
      throw new MillraceError('BAD_USER_INPUT', `expected a file at ${quoted(path)}, found a folder`, {
        hint: 'Only files have blocks; name one of the files in it.',
      })
    }
    const blocks = length === 0 ? [] : await locations(path, length, call)
    return { length, replication, blockBytes, blocks: blocks.toSorted((left, right) => left.offset - right.offset) }
  }
}
