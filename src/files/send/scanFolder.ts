import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasErrno } from '../../datasources/localErrors.ts'
import { MillraceError } from '../../errors.ts'
import { transferNameProblem } from '../paths.ts'
import { counted } from '../words.ts'
import type { FileIdentity } from './transfer.ts'

/** A regular file below the folder. */
export interface FoundFile {
  /** Relative to the folder, with "/" between its parts. */
  name: string
  place: string
  identity: FileIdentity
}

/** What is below the folder and is not sent. */
export interface LeftOut {
  name: string
  /** In half a sentence: "it is a symbolic link". */
  reason: string
  /** False for what is no file of its own: links, pipes, sockets, devices. */
  isFailure: boolean
}

export interface ScannedFolder {
  /** In the order of their names. */
  files: FoundFile[]
  leftOut: LeftOut[]
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * All regular files below a folder. Symbolic links are not followed, not even to files of the same folder.
 *
 * @param mostFiles More are refused: all are kept in memory.
 *
 * Errors: NOT_FOUND for a folder that is not there, BAD_USER_INPUT for what is no folder and for too many files, FORBIDDEN where it may not be read.
 */
export async function scanFolder(folder: string, mostFiles: number, signal: AbortSignal): Promise<ScannedFolder> {
  const files: FoundFile[] = []
  const leftOut: LeftOut[] = []
  await checkFolder(folder)
  await scan(folder, '')
  return { files, leftOut }

  async function scan(place: string, prefix: string): Promise<void> {
    for (const entry of await namesIn(place, prefix)) {
      signal.throwIfAborted()
      const name = `${prefix}${entry}`
      try {
        await take(join(place, entry), name)
      } catch (error) {
        // It went away since the folder was read, or may not be looked at.
        if (!hasErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG')) throw error
        leave(name, hasErrno(error, 'ENOENT') ? 'it was removed meanwhile' : 'it may not be read', true)
      }
    }
  }

  async function take(place: string, name: string): Promise<void> {
    const found = await lstat(place, { bigint: true })
    if (found.isDirectory()) return await scan(place, `${name}/`)
    if (found.isSymbolicLink()) return leave(name, 'it is a symbolic link', false)
    if (!found.isFile()) return leave(name, 'it is no regular file', false)
    const problem = transferNameProblem(name)
    if (problem !== null) return leave(name, problem, true)
    if (files.length === mostFiles) throw tooManyFiles(folder, mostFiles)
    files.push({ name, place, identity: identityOf(found) })
  }

  /** Those that are text; the others are left out, for no record could name them. */
  async function namesIn(place: string, prefix: string): Promise<string[]> {
    const entries = await readFolder(place, prefix)
    const names = entries.flatMap(bytes => {
      try {
        return [UTF8.decode(bytes)]
      } catch {
        leave(`${prefix}${bytes.toString('utf8')}`, 'its name is no text in UTF-8', true)
        return []
      }
    })
    return names.sort((one, other) => (one < other ? -1 : 1))
  }

  async function readFolder(place: string, prefix: string): Promise<Buffer[]> {
    if (prefix === '') return await told(readdir(place, { encoding: 'buffer' }), folder)
    return await readdir(place, { encoding: 'buffer' })
  }

  function leave(name: string, reason: string, isFailure: boolean): void {
    leftOut.push({ name, reason, isFailure })
    if (leftOut.length > mostFiles) throw tooManyFiles(folder, mostFiles)
  }
}

export function identityOf(found: { size: bigint; mtimeNs: bigint; dev: bigint; ino: bigint }): FileIdentity {
  return { bytes: Number(found.size), modifiedNanos: found.mtimeNs, device: found.dev, inode: found.ino }
}

/** The folder itself may be a link. */
async function checkFolder(folder: string): Promise<void> {
  if ((await told(stat(folder), folder)).isDirectory()) return
  throw new MillraceError('BAD_USER_INPUT', `Expected a folder at ${folder}, but it is none.`, {
    hint: 'Name the folder that the file is in.',
  })
}

async function told<T>(work: Promise<T>, folder: string): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (hasErrno(cause, 'ENOENT', 'ENOTDIR')) {
      throw new MillraceError('NOT_FOUND', `Expected a folder at ${folder}, but nothing is there.`, {
        hint: 'Name a folder that is there, with files to send.',
        cause,
      })
    }
    if (hasErrno(cause, 'EACCES', 'EPERM')) {
      throw new MillraceError('FORBIDDEN', `Expected to read the folder ${folder}, but this user may not.`, {
        hint: 'Give the user who runs Millrace the right to read it.',
        cause,
      })
    }
    throw cause
  }
}

function tooManyFiles(folder: string, most: number): MillraceError {
  return new MillraceError(
    'BAD_USER_INPUT',
    `Expected at most ${counted(most, 'file')} below ${folder}, but there are more.`,
    {
      hint: 'Send its sub-folders one after the other, or put the files into an archive.',
    },
  )
}
