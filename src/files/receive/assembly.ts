import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasErrno } from '../../datasources/localErrors.ts'
import { MillraceError } from '../../errors.ts'
import { allowedIn } from '../closedFolder.ts'
import type { Chunk } from '../wire/chunk.ts'

/** One block that is put together on the disk, chunk after chunk. Memory holds none of it. */
export interface Assembly {
  /** The chunk that came last. */
  readonly chunk: Chunk
  /** The file, in the file system. */
  readonly place: string
  /** The index of the chunk that is needed next. */
  nextIndex(): number
  /** Why the chunk cannot follow what is there, in half a sentence; null where it can. */
  problemOf(chunk: Chunk): string | null
  /** Puts it to its place. UNAVAILABLE where the disk is full: the same call may succeed later. */
  add(chunk: Chunk, plain: Uint8Array): Promise<void>
  /** Bytes so far. */
  bytes(): number
  /** SHA-256 of all bytes, in hexadecimal. Nothing may follow. */
  digest(): string
  /** All bytes are on the disk when this resolves; UNAVAILABLE as for add. */
  sync(): Promise<void>
  close(): Promise<void>
  /** Closes and removes the file. Never rejects. */
  drop(): Promise<void>
}

/** The part of a file that assembling needs; tests give one whose disk is full. */
export type BlockFile = Pick<FileHandle, 'write' | 'sync' | 'close'>
export type OpenBlockFile = (place: string) => Promise<BlockFile>

const openNew: OpenBlockFile = place => open(place, 'wx')

/** Makes the file; UNAVAILABLE where the disk is full, ClosedFolder where this user may not. */
export async function createAssembly(
  place: string,
  first: Chunk,
  openFile: OpenBlockFile = openNew,
): Promise<Assembly> {
  const file = await told(allowedIn(dirname(place), openFile(place)))
  const hash = createHash('sha256')
  let chunk = first
  let nextIndex = 0
  let bytes = 0
  let hashedBytes = 0
  let closed: Promise<void> | undefined

  async function write(plain: Uint8Array, position: number): Promise<void> {
    for (let written = 0; written < plain.length; ) {
      const { bytesWritten } = await file.write(plain, written, plain.length - written, position + written)
      written += bytesWritten
    }
  }

  /** Once, whoever asks. */
  function close(): Promise<void> {
    closed ??= file.close()
    return closed
  }

  return {
    get chunk() {
      return chunk
    },
    place,
    nextIndex: () => nextIndex,
    problemOf(next) {
      if (next.index !== nextIndex) return `chunk ${nextIndex} of ${next.count} is missing`
      if (SAME.some(field => next[field] !== first[field])) return 'its chunks say different things of it'
      return next.offset === bytes ? null : `chunk ${next.index} begins at byte ${next.offset}, not at ${bytes}`
    },
    async add(next, plain) {
      // Hashed while it is written, and once however often it is written.
      const writing = write(plain, bytes)
      if (hashedBytes === bytes) {
        hash.update(plain)
        hashedBytes += plain.length
      }
      await told(writing)
      bytes += plain.length
      nextIndex += 1
      chunk = next
    },
    bytes: () => bytes,
    digest: () => hash.digest('hex'),
    sync: () => told(file.sync()),
    close,
    async drop() {
      await close().catch(() => {})
      // What stays is removed at the next start.
      await rm(place, { force: true }).catch(() => {})
    },
  }
}

const SAME = ['file', 'fileBytes', 'totalBlocks', 'blockOffset', 'blockBytes', 'count', 'machine'] as const

async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!hasErrno(cause, 'ENOSPC', 'EDQUOT')) throw cause
    throw new MillraceError('UNAVAILABLE', 'The disk of the output folder is full.', {
      hint: 'Make room there; the receiver goes on by itself.',
      cause,
    })
  }
}
