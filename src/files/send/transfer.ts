import { createHash } from 'node:crypto'

/** What the file system says of a file that was not changed. */
export interface FileIdentity {
  bytes: number
  modifiedNanos: bigint
  device: bigint
  inode: bigint
}

/** One file, cut into blocks. */
export interface Transfer {
  /** The same for each run that sends the unchanged file in blocks of the same size. */
  transferId: string
  /** Relative to the folder that is sent, with "/" between its parts. */
  file: string
  bytes: number
  /** Of every block but the last. */
  blockBytes: number
  /** At least one: an empty file has an empty block. */
  totalBlocks: number
}

export interface BlockPlace {
  offset: number
  bytes: number
}

export function transferOf(file: string, { bytes, modifiedNanos }: FileIdentity, blockBytes: number): Transfer {
  const identity = JSON.stringify([file, bytes, String(modifiedNanos), blockBytes])
  return {
    transferId: createHash('sha256').update(identity).digest('hex').slice(0, 32),
    file,
    bytes,
    blockBytes,
    totalBlocks: Math.max(1, Math.ceil(bytes / blockBytes)),
  }
}

export function blockPlace({ bytes, blockBytes }: Transfer, block: number): BlockPlace {
  const offset = block * blockBytes
  return { offset, bytes: Math.min(blockBytes, bytes - offset) }
}

export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return (
    one.bytes === other.bytes &&
    one.modifiedNanos === other.modifiedNanos &&
    one.device === other.device &&
    one.inode === other.inode
  )
}
