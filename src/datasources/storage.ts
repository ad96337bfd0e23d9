import type { Call } from './call.ts'

/**
 * Where files are kept: HDFS through WebHDFS, or a directory. Paths are absolute within the storage
 * ("/partitions/55025.parquet"); the callers have checked them. Both keepers are held to
 * test/contract/storage.ts.
 *
 * Errors, all MillraceError: NOT_FOUND where nothing has that path; DATA_LOST where a file's bytes
 * cannot be had from any replica or end too early; UNAVAILABLE where the storage does not answer within
 * its deadline; FORBIDDEN; BAD_USER_INPUT where a folder stands in the place of a file.
 */
export interface Storage {
  readonly kind: 'directory' | 'webhdfs'
  /** As configured, without credentials. */
  readonly url: string

  stat(path: string, call?: Call): Promise<FileStatus>

  /** The direct children of a folder by name, ascending; empty where there is no such folder. */
  list(folder: string, call?: Call): Promise<FileStatus[]>

  /** Exactly `length` bytes from `offset`; DATA_LOST where the file is shorter. Another replica is tried when one fails. */
  read(path: string, range: ByteRange, call?: Call): Promise<Uint8Array>

  /**
   * Writes a new file at `path`, making its folders. NOT atomic: a failure can leave a part of the file,
   * and on HDFS a given-up attempt can still run later. Use publish() for anything that others read.
   */
  create(path: string, content: Content, layout: FileLayout, call?: Call): Promise<void>

  /**
   * Moves a file over whatever file is at `to`, or a folder with all in it to a free name, atomically; makes the folder of `to`.
   * NOT_FOUND where `from` is missing.
   */
  rename(from: string, to: string, call?: Call): Promise<void>

  /**
   * As rename, but never over anything: CONFLICT where something is at `to` already, and nothing has changed then. Of several that move
   * to one path exactly one succeeds. Where the answer is lost (UNAVAILABLE) it may have happened: `to` then has the id that `from` had.
   */
  renameNew(from: string, to: string, call?: Call): Promise<void>

  /** Removes a file, or a folder with all that is in it; nothing happens where there is none. */
  remove(path: string, call?: Call): Promise<void>

  blockLocations(path: string, call?: Call): Promise<FileBlocks>

  dataNodes(call?: Call): Promise<DataNodeStatus[]>

  /** Throws UNAVAILABLE (or FORBIDDEN) where the storage cannot be used now; returns a short detail otherwise. */
  ping(call?: Call): Promise<string>

  /** Whether a part of it is known not to answer now, so that one write of two or three may meet it and wait. Missing where it has no parts. */
  isImpaired?(): boolean

  close(): Promise<void>
}

export interface FileStatus {
  path: string
  kind: 'file' | 'folder'
  /** Bytes. */
  length: number
  modifiedAtMillis: number
  /** Changes when a file is written again: with length and time it names one version of the content. */
  fileId: string
  replication: number
  blockBytes: number
}

export interface ByteRange {
  offset: number
  length: number
}

export type Content = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

export interface FileLayout {
  /** Replicas of each block; a directory has one whatever is asked. */
  replication: number
  /** A multiple of 512; HDFS refuses less than 1 MiB by default. */
  blockBytes: number
}

export interface FileBlocks {
  length: number
  replication: number
  blockBytes: number
  blocks: BlockReplicas[]
}

export interface BlockReplicas {
  offset: number
  length: number
  /** Host names of the DataNodes that hold a replica, as the NameNode gives them. */
  dataNodes: string[]
}

export interface DataNodeStatus {
  /** The host name, as in BlockReplicas.dataNodes. */
  name: string
  state: 'LIVE' | 'STALE' | 'DEAD' | 'DECOMMISSIONED'
  lastContact?: Date
  usedBytes?: number
  capacityBytes?: number
}
