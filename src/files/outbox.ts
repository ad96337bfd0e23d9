import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { MillraceError } from '../errors.ts'
import { shownValue } from '../shownValue.ts'

/**
 * The folder that a user of the API means, with no symbolic link left in its path. What is outside of `root` is FORBIDDEN, and whether it exists is not
 * told; NOT_FOUND for a folder below it that is not there, BAD_USER_INPUT for what is no folder.
 *
 * @param folder Relative to `root`, or absolute.
 */
export async function folderInOutbox(root: string, folder: string): Promise<string> {
  if (folder === '' || folder.includes('\0')) throw noFolder(folder, 'BAD_USER_INPUT', 'is no path')
  const written = resolve(root, folder)
  if (!isWithin(root, written)) throw outside(folder)
  const [realRoot, real] = await Promise.all([realpath(root), realpath(written)]).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  if (!isWithin(realRoot, real)) throw outside(folder)
  if (!(await stat(real)).isDirectory()) throw noFolder(folder, 'BAD_USER_INPUT', 'is no folder')
  return real
}

/** Also of a folder and itself. */
function isWithin(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function outside(folder: string): MillraceError {
  return new MillraceError(
    'FORBIDDEN',
    `Expected a folder below the outbox of the server, but got ${shownValue(folder)}.`,
    {
      hint: 'Put the folder into "outbox" in the data directory of the server, or set MILLRACE_FILES_ROOT; "millrace files send" sends any folder of the machine that it runs on.',
    },
  )
}

function noFolder(
  folder: string,
  code: 'BAD_USER_INPUT' | 'NOT_FOUND',
  problem: string,
  cause?: unknown,
): MillraceError {
  return new MillraceError(
    code,
    `Expected a folder in the outbox of the server, but ${shownValue(folder)} ${problem}.`,
    {
      hint: 'Name a folder relative to the outbox, for example "." for all of it.',
      cause,
    },
  )
}

function unreadable(folder: string, error: unknown): MillraceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  if (code === 'ENOENT' || code === 'ENOTDIR') return noFolder(folder, 'NOT_FOUND', 'is not there', error)
  return noFolder(folder, 'BAD_USER_INPUT', `cannot be read (${code})`, error)
}
