import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type BlockMetadata, METADATA_SUFFIX } from '../receive/blockMetadata.ts'
import { findBlocks } from './findBlocks.ts'
import { writeFile } from './joinFile.ts'

export type BlockToJoin = Pick<BlockMetadata, 'file' | 'transferId' | 'totalBlocks'>

/** Puts the file of a block together in `output` where all its blocks are in the machine's folder. Returns whether they are. Errors: those of joining. */
export async function joinIfWhole(folder: string, block: BlockToJoin, output: string): Promise<boolean> {
  const { file, transferId, totalBlocks } = block
  // Cheap: it is asked after every block.
  const names = await readdir(join(folder, file))
  if (names.filter(name => name.endsWith(METADATA_SUFFIX)).length < totalBlocks) return false
  const found = await findBlocks([folder], file)
  const transfer = found.find(one => one.transferId === transferId)
  if (!transfer || transfer.missing.length > 0) return false
  await writeFile(transfer, join(output, file))
  return true
}
