import type { LogHeader } from '../../datasources/log.ts'
import { shownValue } from '../../shownValue.ts'

/** The bytes of a chunk before they are encoded, at most: with its headers a record stays below the 1 MiB that brokers take. */
export const CHUNK_BYTES = 1024 * 1024 - 32 * 1024

export const ENCODINGS = ['identity', 'gzip', 'zstd'] as const
export type Encoding = (typeof ENCODINGS)[number]

export const ENCRYPTIONS = ['none', 'aes-256-gcm'] as const
export type Encryption = (typeof ENCRYPTIONS)[number]

/** What the headers of a chunk's record say. All sizes and offsets count plain bytes. */
export interface Chunk {
  /** The same for each run that sends the unchanged file in blocks of the same size. */
  transferId: string
  /** Relative, with "/" between its parts; unchecked where it comes from the wire. */
  file: string
  fileBytes: number
  totalBlocks: number
  /** From 0. */
  block: number
  /** Where the block begins in the file. */
  blockOffset: number
  blockBytes: number
  /** From 0. */
  index: number
  /** Chunks of the block: at least one, also of an empty block. */
  count: number
  /** Where the chunk begins within the block. */
  offset: number
  /** One attempt to send one block: chunks of two attempts never mix. */
  sendId: string
  /** The sender. */
  machine: string
  /** When it was sent, as ISO 8601 has it. */
  sentAt: string
  encoding: Encoding
  encryption: Encryption
  /** In a block's last chunk: the digest of the block's plain bytes, in hexadecimal. */
  blockSha256?: string
  /** In the last chunk of a file's last block. */
  fileSha256?: string
}

/** Why a record is no chunk, in half a sentence. */
export interface Unreadable {
  problem: string
}

const NAMES = {
  transferId: 'transfer-id',
  file: 'file-name',
  fileBytes: 'file-size',
  totalBlocks: 'total-blocks',
  block: 'block-number',
  blockOffset: 'block-offset',
  blockBytes: 'block-size',
  index: 'chunk-index',
  count: 'chunk-count',
  offset: 'chunk-offset',
  sendId: 'send-id',
  machine: 'machine-id',
  sentAt: 'timestamp',
  encoding: 'content-encoding',
  encryption: 'encryption',
  blockSha256: 'block-sha256',
  fileSha256: 'file-sha256',
} as const satisfies Record<keyof Chunk, string>

const FIELDS = Object.entries(NAMES) as [keyof Chunk, string][]
const LONGEST_HEADER_BYTES = 4_096
const DIGEST = /^[0-9a-f]{64}$/

/** As text in UTF-8, in an order that never changes: a seal covers them. */
export function chunkHeaders(chunk: Chunk): LogHeader[] {
  return FIELDS.flatMap(([field, name]) => {
    const value = chunk[field]
    return value === undefined ? [] : [{ name, value: Buffer.from(String(value)) }]
  })
}

/**
 * The chunk that a record's headers describe, or why there is none. Never throws; what it gives agrees with itself: the chunk lies in the block
 * and the block in the file. Headers of other names are left aside.
 */
export function readChunkHeaders(headers: readonly LogHeader[]): Chunk | Unreadable {
  const values = new Map<string, string>()
  for (const { name, value } of headers) {
    if (values.has(name)) return { problem: `the header ${name} is there twice` }
    if (value.length > LONGEST_HEADER_BYTES) return { problem: `the header ${name} has ${value.length} bytes` }
    values.set(name, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'))
  }
  const problems: string[] = []
  const text = (field: keyof Chunk, pattern: RegExp, expected: string): string => {
    const value = values.get(NAMES[field])
    if (value !== undefined && pattern.test(value)) return value
    problems.push(
      `the header ${NAMES[field]} ${value === undefined ? 'is missing' : `is ${shownValue(value)}, not ${expected}`}`,
    )
    return ''
  }
  const number = (field: keyof Chunk): number => Number(text(field, /^(?:0|[1-9]\d{0,14})$/, 'a whole number'))
  const oneOf = <Word extends string>(field: keyof Chunk, words: readonly Word[]): Word =>
    text(field, new RegExp(`^(?:${words.join('|')})$`), `one of ${words.join(', ')}`) as Word
  const digest = (field: 'blockSha256' | 'fileSha256') =>
    values.has(NAMES[field]) ? { [field]: text(field, DIGEST, 'a SHA-256 in hexadecimal') } : {}

  const chunk: Chunk = {
    transferId: text('transferId', /^[0-9a-f]{32}$/, '32 hexadecimal digits'),
    file: text('file', /./s, 'a name'),
    fileBytes: number('fileBytes'),
    totalBlocks: number('totalBlocks'),
    block: number('block'),
    blockOffset: number('blockOffset'),
    blockBytes: number('blockBytes'),
    index: number('index'),
    count: number('count'),
    offset: number('offset'),
    sendId: text('sendId', /^[\w-]{1,64}$/, 'up to 64 letters, digits, "_" and "-"'),
    machine: text('machine', /^[\w.-]{1,64}$/, 'up to 64 letters, digits, ".", "_" and "-"'),
    sentAt: text('sentAt', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/, 'a time such as 2026-11-21T10:00:00Z'),
    encoding: oneOf('encoding', ENCODINGS),
    encryption: oneOf('encryption', ENCRYPTIONS),
    ...digest('blockSha256'),
    ...digest('fileSha256'),
  }
  const problem = problems[0] ?? contradictionOf(chunk)
  return problem === undefined ? chunk : { problem }
}

/** True for the chunk that carries the block's digest. */
export function isLastChunk({ index, count }: Pick<Chunk, 'index' | 'count'>): boolean {
  return index === count - 1
}

function contradictionOf(chunk: Chunk): string | undefined {
  const { block, totalBlocks, blockOffset, blockBytes, fileBytes, index, count, offset } = chunk
  if (block >= totalBlocks) return `block ${block} is none of ${totalBlocks} blocks`
  if (blockOffset + blockBytes > fileBytes) return `the block ends behind the ${fileBytes} bytes of the file`
  if (index >= count) return `chunk ${index} is none of ${count} chunks`
  if (offset > blockBytes) return `the chunk begins behind the ${blockBytes} bytes of the block`
  if (isLastChunk(chunk) !== (chunk.blockSha256 !== undefined))
    return "the block's digest is not in its last chunk alone"
  const endsFile = isLastChunk(chunk) && block === totalBlocks - 1
  if (endsFile !== (chunk.fileSha256 !== undefined)) return "the file's digest is not in its last chunk alone"
  return undefined
}
