import pLimit from 'p-limit'
import type { Call } from '../datasources/call.ts'
import type { BlockReplicas, FileBlocks, Storage } from '../datasources/storage.ts'
import { statSwapped } from '../datasources/swap.ts'
import { visibleFiles } from '../datasources/viewFiles.ts'
import { hasCode } from '../errors.ts'

/** Of so many files at once; HDFS answers each in a millisecond or two. */
const PARALLEL_FILES = 8

/**
 * Where the blocks of a file lie, or of the files directly in a folder, as if they were one file in the order of their names. Also of a path that
 * is being replaced. Errors as in Storage.blockLocations; BAD_USER_INPUT for a folder without files.
 */
export async function blocksOf(storage: Storage, path: string, call: Call): Promise<FileBlocks> {
  try {
    return await storage.blockLocations(path, call)
  } catch (error) {
    if (!hasCode(error, 'BAD_USER_INPUT', 'NOT_FOUND')) throw error
    const status = await statSwapped(storage, path, call)
    if (status.kind === 'file') return await storage.blockLocations(status.path, call)
    const files = await visibleFiles(storage, status.path, call)
    if (files.length === 0) throw error
    const limit = pLimit(PARALLEL_FILES)
    return joined(await Promise.all(files.map(file => limit(() => storage.blockLocations(file.path, call)))))
  }
}

function joined(files: readonly FileBlocks[]): FileBlocks {
  const blocks: BlockReplicas[] = []
  let length = 0
  for (const file of files) {
    for (const block of file.blocks) blocks.push({ ...block, offset: length + block.offset })
    length += file.length
  }
  const [{ replication, blockBytes }] = files as [FileBlocks]
  return { length, replication, blockBytes, blocks }
}
