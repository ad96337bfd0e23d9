import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../errors.ts'
import type { Inbox } from './inbox.ts'
import { hasErrno, toMillraceError } from './localErrors.ts'

const CHUNK_BYTES = 1024 * 1024

/** Files in a folder of this machine, or one that is mounted. */
export function folderInbox({ folder }: { folder: string }): Inbox {
  async function statFile(path: string): Promise<{ length: number }> {
    const place = join(folder, path)
    const status = await stat(place).catch((error: unknown) => {
      throw hasErrno(error, 'ENOENT', 'ENOTDIR') ? nothingAt(place) : toMillraceError(error, place)
    })
    if (status.isFile()) return { length: status.size }
    throw new MillraceError('BAD_USER_INPUT', `Expected a file at ${place}, found a folder, a device or a pipe.`)
  }

  return {
    kind: 'folder',
    url: `file:${folder}`,
    async stat(path, { signal } = {}) {
      signal?.throwIfAborted()
      return await statFile(path)
    },
    async *read(path, { signal } = {}) {
      signal?.throwIfAborted()
      await statFile(path)
      const place = join(folder, path)
      try {
        for await (const chunk of createReadStream(place, { highWaterMark: CHUNK_BYTES, signal })) {
          yield chunk as Uint8Array
        }
      } catch (error) {
        signal?.throwIfAborted()
        throw toMillraceError(error, place)
      }
    },
    close: async () => {},
  }
}

function nothingAt(place: string): MillraceError {
  return new MillraceError('NOT_FOUND', `Expected a file at ${place}, there is none.`)
}
