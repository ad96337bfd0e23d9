import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import type { Call } from '../datasources/call.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { childOf } from '../datasources/storagePath.ts'
import { asError, hasCode, MillraceError } from '../errors.ts'
import { gatherGroups } from '../parquet/gatherGroups.ts'
import { type TotalJson, totalFromJson } from './amounts.ts'
import { type LoansFile, otherBytes } from './loansFile.ts'
import { AMOUNT } from './loansQuery.ts'
import { makePartition, type PartitionFile } from './partitionFile.ts'

/**
 * The loans as a folder of files, as Spark writes them: one file or a few for each county, and an index of them. Names with "_" are none of the data to
 * other readers of such folders.
 */
export const INDEX_NAME = '_index'

/** What the index holds, as JSON. */
export interface FolderIndex {
  /** Unique to a migration. */
  dataset: string
  rows: number
  /** Rows without a county are in the folder but not in the index. */
  counties: { county: number; total: TotalJson; files: IndexedFile[] }[]
}

export interface IndexedFile {
  /** Within the folder. */
  name: string
  /** Bytes. */
  length: number
  rows: number
  /** Of all its bytes, hexadecimal. */
  sha256: string
}

/** As bytes; the first line is the digest of the second. */
export function folderIndexBytes(index: FolderIndex): Uint8Array {
  const json = JSON.stringify(index)
  return Buffer.from(`${sha256(Buffer.from(json))}\n${json}\n`)
}

/** Undefined for a folder that another program wrote. DATA_LOST where the index is not as it was written. */
export async function readFolderIndex(storage: Storage, folder: string, call: Call): Promise<FolderIndex | undefined> {
  const path = childOf(folder, INDEX_NAME)
  try {
    const { length } = await storage.stat(path, call)
    const [digest = '', json = ''] = Buffer.from(await storage.read(path, { offset: 0, length }, call))
      .toString('utf8')
      .split('\n')
    if (sha256(Buffer.from(json)) === digest) return JSON.parse(json) as FolderIndex
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
  throw new MillraceError('DATA_LOST', `Its index ${path} is not as it was written.`)
}

/** Counties are files of their own, so there is no range of bytes to share; more at once than that keep no DataNode busier. */
const PARALLEL_READS = 8

export function indexedLoansFolder(storage: Storage, status: FileStatus, index: FolderIndex): LoansFile {
  const { dataset } = index
  const entries = new Map(
    index.counties.map(({ county, total, files }) => [county, { total: totalFromJson(total), files }]),
  )

  async function cutCounty(county: number, call: Call): Promise<PartitionFile> {
    const { total, files } = entries.get(county)!
    const contents: Uint8Array[] = []
    for (const { name, length, sha256: digest } of files) {
      const bytes = await storage.read(childOf(status.path, name), { offset: 0, length }, call)
      if (sha256(bytes) !== digest) throw otherBytes(county)
      contents.push(bytes)
    }
    const { footer, entry, range } = gatherGroups(contents, [AMOUNT])
    return makePartition(footer, entry, range, { county, dataset, total })
  }

  return {
    status,
    dataset,
    counties: new Map(Array.from(entries, ([county, { total }]) => [county, total])),
    async cut(codes, take, callOf) {
      const limit = pLimit(PARALLEL_READS)
      await Promise.all(
        codes.map(county => limit(async () => take(county, await cutCounty(county, callOf(county)).catch(asError)))),
      )
    },
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
