import type { Call } from '../../datasources/call.ts'
import { jsonBytes, readJson } from '../../datasources/jsonFile.ts'
import type { FileLayout, Storage } from '../../datasources/storage.ts'
import { childOf } from '../../datasources/storagePath.ts'
import { hasCode } from '../../errors.ts'
import { allowedIn } from '../closedFolder.ts'
import { type BlockMetadata, blockMetadata, blockName, METADATA_SUFFIX } from './blockMetadata.ts'

/** Names one block of one transfer. */
export type BlockId = Pick<BlockMetadata, 'transferId' | 'file' | 'block' | 'totalBlocks' | 'blockBytes' | 'fileBytes'>

/** Where checked blocks go. Errors: those of Storage. */
export interface BlockStore {
  /** The digest of the block where it is there, or of nothing in particular where its whole file is; undefined where neither is. */
  find(id: BlockId, call: Call): Promise<{ sha256: string | null } | undefined>
  /** Takes the assembled file over. When it resolves the block is there to stay, then its metadata. */
  put(assembled: AssembledFile, metadata: BlockMetadata, call: Call): Promise<void>
  /** Its bytes are not those that the sender has now. */
  forget(id: BlockId, call: Call): Promise<void>
}

/** The store, whose blocks lie in this folder of the file system: ClosedFolder where this user may not use it. */
export function blocksInFolder(folder: string, store: BlockStore): BlockStore {
  return {
    find: (id, call) => allowedIn(folder, store.find(id, call)),
    put: (assembled, metadata, call) => allowedIn(folder, store.put(assembled, metadata, call)),
    forget: (id, call) => allowedIn(folder, store.forget(id, call)),
  }
}

export interface AssembledFile {
  /** In the file system. */
  place: string
  /** In the storage of the machine's folder. */
  path: string
}

/** Blocks of small files are small; a directory has no layout. */
export const METADATA_LAYOUT: FileLayout = { replication: 2, blockBytes: 1024 * 1024 }

/**
 * Blocks as files of the machine's own folder, `<file>/block_0000.bin` and `<file>/block_0000_metadata.json`.
 *
 * @param newPath Where something can be written that is removed at the next start, should it stay.
 */
export function localBlocks(storage: Storage, newPath: () => string): BlockStore {
  const bytesPath = (id: BlockId) => `${blockPath(id)}.bin`
  const metadataPath = (id: BlockId) => `${blockPath(id)}${METADATA_SUFFIX}`

  return {
    async find(id, call) {
      const found = await readJson(storage, metadataPath(id), blockMetadata, call)
      if (found?.transferId !== id.transferId || found.block !== id.block) return undefined
      const length = await lengthAt(storage, bytesPath(id), call)
      return length === found.blockBytes ? found : undefined
    },
    async put({ path }, metadata, call) {
      // In between it would describe other bytes: those of an earlier transfer of this name.
      await storage.remove(metadataPath(metadata), call)
      // An attempt before, for whose metadata the disk had no room, has moved it.
      const isMoved = (await lengthAt(storage, path, call)) === undefined
      if (!isMoved) await storage.rename(path, bytesPath(metadata), call)
      const temporary = newPath()
      try {
        await storage.create(temporary, [jsonBytes(metadata)], METADATA_LAYOUT, call)
        await storage.rename(temporary, metadataPath(metadata), call)
      } catch (error) {
        // Without the call's signal, which may be why; what stays is removed at the next start.
        await storage.remove(temporary).catch(() => {})
        throw error
      }
    },
    forget: (id, call) => storage.remove(metadataPath(id), call),
  }
}

/** Without its ending. */
function blockPath(id: Pick<BlockId, 'file' | 'block' | 'totalBlocks'>): string {
  return childOf(`/${id.file}`, blockName(id))
}

/** Bytes of the file at the path; undefined where there is none. */
export async function lengthAt(storage: Storage, path: string, call: Call): Promise<number | undefined> {
  try {
    const { kind, length } = await storage.stat(path, call)
    return kind === 'file' ? length : undefined
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
