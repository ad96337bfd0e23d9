import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import type { FileStatus, Storage } from './storage.ts'

/** Copies of files of a storage on this machine, for programs that read files of their own file system only. */
export interface FileCopies {
  /** Where the copy of a file is; made at the first call for this version of it. */
  copyOf(file: FileStatus, call: Call): Promise<string>
  /** Removes all. */
  close(): Promise<void>
}

const RANGE_BYTES = 8 * 1024 * 1024

/** In `folder`, which is made when needed. BAD_USER_INPUT where all together would have more than `mostBytes`. */
export function fileCopies(storage: Storage, folder: string, mostBytes: number): FileCopies {
  const copies = new Map<string, Promise<string>>()
  let bytes = 0
  let number = 0

  async function copy(file: FileStatus, call: Call): Promise<string> {
    const place = join(folder, String(number++))
    bytes += file.length
    if (bytes > mostBytes) throw tooLarge(file, bytes, mostBytes)
    await mkdir(folder, { recursive: true })
    await using target = await open(place, 'wx')
    for (let offset = 0; offset < file.length; offset += RANGE_BYTES) {
      const length = Math.min(RANGE_BYTES, file.length - offset)
      await target.write(await storage.read(file.path, { offset, length }, call))
    }
    return place
  }

  return {
    copyOf(file, call) {
      const version = `${file.path}\n${file.fileId}\n${file.length}`
      const known = copies.get(version)
      if (known) return known
      const copying = copy(file, call)
      copies.set(version, copying)
      copying.catch(() => {
        copies.delete(version)
        bytes -= file.length
      })
      return copying
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

function tooLarge({ path }: FileStatus, bytes: number, mostBytes: number): MillraceError {
  const gigabytes = (count: number) => `${(count / 1e9).toFixed(1)} GB`
  return new MillraceError(
    'BAD_USER_INPUT',
    `Expected at most ${gigabytes(mostBytes)} of files to copy to this machine, with ${JSON.stringify(path)} there are ${gigabytes(bytes)}.`,
    { hint: 'Bind an engine that reads the storage itself: MILLRACE_ENGINE_URL=sc://host:15002.' },
  )
}
