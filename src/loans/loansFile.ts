import type { Call } from '../datasources/call.ts'
import type { FileLayout, FileStatus } from '../datasources/storage.ts'
import type { Total } from './amounts.ts'
import type { PartitionFile } from './partitionFile.ts'

export const LOANS_PATH = '/hdma-wi-2021.parquet'
export const LOANS_LAYOUT: FileLayout = { replication: 2, blockBytes: 1 << 20 }

/** One version of the main file, the truth that partitions are made from. */
export interface LoansFile {
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
