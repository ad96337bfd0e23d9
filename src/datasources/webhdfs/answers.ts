import { z } from 'zod'
import { MillraceError } from '../../errors.ts'
import type { BlockReplicas, FileStatus } from '../storage.ts'

/** The JSON of WebHDFS's answers, only what we read of them, and what it means in the words of the port. */

const count = z.number().int().nonnegative()

export const hdfsStatus = z.object({
  pathSuffix: z.string(),
  type: z.enum(['FILE', 'DIRECTORY', 'SYMLINK']),
  length: count,
  modificationTime: z.number(),
  fileId: z.number(),
  replication: count,
  blockSize: count,
})
export type HdfsStatus = z.infer<typeof hdfsStatus>

export const fileStatusAnswer = z.object({ FileStatus: hdfsStatus })
export const listStatusAnswer = z.object({ FileStatuses: z.object({ FileStatus: z.array(hdfsStatus) }) })
export const doneAnswer = z.object({ boolean: z.boolean() })

/** GETFILEBLOCKLOCATIONS. */
export const fileBlockLocationsAnswer = z.object({
  BlockLocations: z.object({
    BlockLocation: z.array(z.object({ offset: count, length: count, hosts: z.array(z.string()) })),
  }),
})

/** GET_BLOCK_LOCATIONS, which older NameNodes have in its place. */
export const blockLocationsAnswer = z.object({
  LocatedBlocks: z.object({
    locatedBlocks: z.array(
      z.object({
        startOffset: count,
        block: z.object({ numBytes: count }),
        locations: z.array(z.object({ hostName: z.string() })),
      }),
    ),
  }),
})

/** The answer as `schema` has it; UNAVAILABLE for one of another shape. */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  const problem = result.error.issues[0]
  throw new MillraceError(
    'UNAVAILABLE',
    `expected an answer to ${what} as WebHDFS gives it, got another: ${problem?.path.join('.')}: ${problem?.message}`,
    { hint: 'Check that the storage URL names a NameNode of Hadoop 3.' },
  )
}

export function toFileStatus(status: HdfsStatus, path: string): FileStatus {
  return {
    path,
    kind: status.type === 'DIRECTORY' ? 'folder' : 'file',
    length: status.length,
    modifiedAtMillis: status.modificationTime,
    fileId: String(status.fileId),
    replication: status.replication,
    blockBytes: status.blockSize,
  }
}

export function readFileBlockLocations(answer: unknown): BlockReplicas[] {
  const { BlockLocations } = readAnswer(fileBlockLocationsAnswer, answer, 'GETFILEBLOCKLOCATIONS')
  return BlockLocations.BlockLocation.map(({ offset, length, hosts }) => ({ offset, length, dataNodes: hosts }))
}

export function readBlockLocations(answer: unknown): BlockReplicas[] {
  const { LocatedBlocks } = readAnswer(blockLocationsAnswer, answer, 'GET_BLOCK_LOCATIONS')
  return LocatedBlocks.locatedBlocks.map(({ startOffset, block, locations }) => ({
    offset: startOffset,
    length: block.numBytes,
    dataNodes: locations.map(({ hostName }) => hostName),
  }))
}
