import { randomUUID } from 'node:crypto'
import type { Call } from '../datasources/call.ts'
import { temporaryName } from '../datasources/publish.ts'
import type { FileLayout, FileStatus } from '../datasources/storage.ts'
import { childOf, nameOf, parentOf } from '../datasources/storagePath.ts'
import { MillraceError } from '../errors.ts'
import type { Total } from './amounts.ts'
import type { PartitionFile } from './partitionFile.ts'

/** A file, or a folder of files (see datasetFolder.ts); beside it while it is being replaced by the other kind (see datasources/swap.ts). */
export const LOANS_PATH = '/hdma-wi-2021.parquet'
export const LOANS_LAYOUT: FileLayout = { replication: 2, blockBytes: 1 << 20 }

/** Where a migration gets ready what it will put at LOANS_PATH. Whoever migrates next removes it, should this one not get there. */
export function stagedLoansPath(owner: string, uuid = randomUUID() as string): string {
  return childOf(parentOf(LOANS_PATH), temporaryName(nameOf(LOANS_PATH), owner, uuid))
}

/** One version of the main file, the truth that partitions are made from. */
export interface LoansFile {
  /** Where it lies now, and what it is. */
  readonly status: FileStatus
  /** Names this version of the data; a partition made from another one is not reused. */
  readonly dataset: string
  readonly counties: ReadonlyMap<number, Total>
  /**
   * Makes the partitions of the counties, all of which the file has, in one pass over the bytes of those counties. Each goes
   * to `take` as it becomes ready, several at a time, or the error in its place: DATA_LOST where the file's bytes are not
   * those that were written. Never rejects.
   */
  cut(counties: readonly number[], take: TakePartition, callOf: (county: number) => Call): Promise<void>
}

export type TakePartition = (county: number, made: PartitionFile | Error) => Promise<void>

/** Equal for equal content: a file written again has another id or time. */
export function versionOf({ fileId, modifiedAtMillis, length }: FileStatus): string {
  return `${fileId}:${modifiedAtMillis}:${length}`
}

/** DATA_LOST: what the index says of a county's bytes is not so. */
export function otherBytes(county: number): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `The bytes of county ${county} in ${LOANS_PATH} are not those that were migrated.`,
    {
      hint: 'Run the mutation migrateLoans to write the file again.',
    },
  )
}
