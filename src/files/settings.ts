import type { Encoding } from './wire/chunk.ts'

export const FILE_COMPRESSIONS = ['none', 'gzip', 'zstd'] as const
export type FileCompression = (typeof FILE_COMPRESSIONS)[number]

/** How long a block may be. */
export const BLOCK_BYTES = { least: 1_024, most: 2 ** 40 } as const

/** What differs from one installation to the next; each has a variable MILLRACE_FILES_... */
export interface FilesSettings {
  /** Before the name of each topic. */
  topicPrefix: string
  /** Of topics that have to be made; null for three, or as many brokers as there are. */
  replication: number | null
  /** Of a sender. */
  blockBytes: number
  /** Of a sender. */
  compression: FileCompression
  /** What chunks are sealed with: 32 bytes. It wins over the file. */
  key: Uint8Array | null
  /** A file with such a key; null for none. */
  keyFile: string | null
  /** What this machine calls itself where no command says so. */
  machineId: string
  /** How long a receiver's processor may take for one block. */
  processSeconds: number
  /** Below it are the folders that the API may send; absolute. */
  root: string
  /** The folder of the storage that received blocks are put together in; null for none. */
  sink: string | null
}

export function encodingOf(compression: FileCompression): Encoding {
  return compression === 'none' ? 'identity' : compression
}
