/** A topic of the file distribution. Its partitions are part of the protocol: keys decide by them where a record goes. */
export interface FileTopic {
  name: string
  partitions: number
}

export interface FileTopics {
  /** The bytes: one record for each chunk of a block. */
  blocks: FileTopic
  /** What became of each block. */
  acknowledgments: FileTopic
  /** What the machines say of themselves. */
  status: FileTopic
}

/** @param prefix Put before each name, so that several distributions can share one log. */
export function fileTopics(prefix = ''): FileTopics {
  return {
    blocks: { name: `${prefix}data-blocks`, partitions: 6 },
    acknowledgments: { name: `${prefix}block-acknowledgments`, partitions: 3 },
    status: { name: `${prefix}processing-status`, partitions: 3 },
  }
}

/** The key of a block's chunks and of its acknowledgments: it keeps each of them in one partition, in order. */
export function blockKey(transferId: string, block: number): Buffer {
  return Buffer.from(`${transferId}/${block}`)
}

/** What a blockKey was made of; undefined for a key of another shape. */
export function readBlockKey(key: Uint8Array | null): { transferId: string; block: number } | undefined {
  const match = /^([0-9a-f]{32})\/(0|[1-9]\d{0,14})$/.exec(Buffer.from(key ?? []).toString('latin1'))
  return match ? { transferId: match[1]!, block: Number(match[2]) } : undefined
}
