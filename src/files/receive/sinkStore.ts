import { createReadStream } from 'node:fs'
import { z } from 'zod'
import type { Call } from '../../datasources/call.ts'
import { jsonBytes, readJson } from '../../datasources/jsonFile.ts'
import type { Publisher } from '../../datasources/publish.ts'
import type { FileLayout, Storage } from '../../datasources/storage.ts'
import { childOf } from '../../datasources/storagePath.ts'
import { hasCode } from '../../errors.ts'
import { type BlockPart, wholeFile } from '../join/wholeFile.ts'
import { blockMetadata, blockName, METADATA_SUFFIX } from './blockMetadata.ts'
import { type BlockId, type BlockStore, lengthAt, METADATA_LAYOUT } from './blockStore.ts'

const LAYOUT: FileLayout = { replication: 2, blockBytes: 128 * 1024 * 1024 }
const READ_BYTES = 4 * 1024 * 1024
/** Left behind where the blocks were, to recognise them when they come again. */
const whole = z.object({ version: z.literal(1), file: z.string(), bytes: z.number(), sha256: z.string().nullable() })

/**
 * Blocks as files of a storage that all receivers share, in `<folder>/.blocks/<transfer id>`. Whoever stores the one that was missing puts the file together,
 * checks its digest, publishes it at `<folder>/<file>` and removes the blocks, all before the block is acknowledged: so somebody does it whatever happens.
 * Two may do it at the same time; both publish the same bytes.
 */
export function sinkBlocks(storage: Storage, publisher: Publisher, folder: string): BlockStore {
  const blocksOf = ({ transferId }: Pick<BlockId, 'transferId'>) => childOf(childOf(folder, '.blocks'), transferId)
  const blockPath = (id: Pick<BlockId, 'transferId' | 'block' | 'totalBlocks'>) => childOf(blocksOf(id), blockName(id))
  const markerPath = (id: Pick<BlockId, 'transferId'>) => `${blocksOf(id)}.json`
  const filePath = ({ file }: Pick<BlockId, 'file'>) => childOf(folder, file)

  async function isWhole(id: BlockId, call: Call): Promise<boolean> {
    if (!(await readJson(storage, markerPath(id), whole, call))) return false
    return (await lengthAt(storage, filePath(id), call)) === id.fileBytes
  }

  async function blockAt(id: BlockId, call: Call): Promise<BlockPart | undefined> {
    const metadata = await readJson(storage, `${blockPath(id)}${METADATA_SUFFIX}`, blockMetadata, call)
    if (metadata?.transferId !== id.transferId || metadata.block !== id.block) return undefined
    const place = `${blockPath(id)}.bin`
    const { blockBytes } = metadata
    if ((await lengthAt(storage, place, call)) !== blockBytes) return undefined
    return { metadata, place, read: () => inPieces(storage, place, blockBytes, call) }
  }

  async function putTogether(id: BlockId, call: Call): Promise<void> {
    const stored = (await storage.list(blocksOf(id), call)).filter(({ path }) => path.endsWith(METADATA_SUFFIX))
    if (stored.length < id.totalBlocks) return
    const parts: BlockPart[] = []
    for (let block = 0; block < id.totalBlocks; block += 1) {
      const part = await blockAt({ ...id, block }, call)
      if (!part) return
      parts.push(part)
    }
    await publisher.publish(filePath(id), () => wholeFile(parts), LAYOUT, { length: id.fileBytes, call })
    const marker = { version: 1, file: id.file, bytes: id.fileBytes, sha256: parts.at(-1)!.metadata.fileSha256 }
    await publisher.publish(markerPath(id), () => [jsonBytes(marker)], METADATA_LAYOUT, { call })
    await storage.remove(blocksOf(id), call)
  }

  async function putTogetherOnce(id: BlockId, call: Call): Promise<void> {
    try {
      await putTogether(id, call)
    } catch (error) {
      // Somebody else was faster, and has removed the blocks.
      if (hasCode(error, 'NOT_FOUND', 'DATA_LOST') && (await isWhole(id, call))) return
      throw error
    }
  }

  return {
    async find(id, call) {
      if (await isWhole(id, call)) return { sha256: null }
      const part = await blockAt(id, call)
      if (!part) return undefined
      // Whoever stored it may have died before it put the file together.
      await putTogetherOnce(id, call)
      return { sha256: part.metadata.sha256 }
    },
    async put({ place }, metadata, call) {
      const length = metadata.blockBytes
      await publisher.publish(`${blockPath(metadata)}.bin`, () => createReadStream(place), LAYOUT, { length, call })
      const described = () => [jsonBytes(metadata)]
      await publisher.publish(`${blockPath(metadata)}${METADATA_SUFFIX}`, described, METADATA_LAYOUT, { call })
      await putTogetherOnce(metadata, call)
    },
    forget: (id, call) => storage.remove(`${blockPath(id)}${METADATA_SUFFIX}`, call),
  }
}

async function* inPieces(storage: Storage, path: string, bytes: number, call: Call): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes; offset += READ_BYTES) {
    yield await storage.read(path, { offset, length: Math.min(READ_BYTES, bytes - offset) }, call)
  }
}
