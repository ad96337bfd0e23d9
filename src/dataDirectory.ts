import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FileLock, lockFile } from './datasources/fileLock.ts'
import { MillraceError } from './errors.ts'

/** The folder of one server's own files, held by this process alone. */
export interface DataDirectory {
  readonly folder: string
  /** The same after a restart, another in every other data directory: tells this server's leftovers from those of others. */
  readonly ownerId: string
  /** For short-lived files of this process; emptied when the directory is claimed. */
  readonly workFolder: string
  /** Lets commands find the running server. */
  announce(server: RunningServer): void
  release(): void
}

/** What `server.json` in the data directory says while a server listens. */
export interface RunningServer {
  url: string
  pid: number
}

const SERVER_FILE = 'server.json'

/**
 * Makes the folder where it is missing, and keeps others out until release() or the end of the process, however it ends.
 * CONFLICT where another process holds it; BAD_USER_INPUT where it cannot be written.
 */
export function claimDataDirectory(folder: string): DataDirectory {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw unusable(folder, cause)
  }
  const lock = acquireLock(folder)
  const serverFile = join(folder, SERVER_FILE)
  const workFolder = join(folder, 'work')
  // Whoever wrote these is dead, or the lock would not be ours.
  rmSync(serverFile, { force: true })
  rmSync(workFolder, { recursive: true, force: true })
  mkdirSync(workFolder)

  return {
    folder,
    ownerId: readOwnerId(folder),
    workFolder,
    announce: server => writeWhole(serverFile, `${JSON.stringify(server)}\n`),
    release() {
      rmSync(serverFile, { force: true })
      lock.release()
    },
  }
}

function acquireLock(folder: string): FileLock {
  let lock: FileLock | null
  try {
    lock = lockFile(join(folder, 'owner.lock'))
  } catch (cause) {
    throw unusable(folder, cause)
  }
  if (lock) return lock
  throw inUse(folder)
}

function inUse(folder: string): MillraceError {
  const server = readRunningServer(folder)
  return new MillraceError(
    'CONFLICT',
    `Expected the data directory ${folder} to be free, but ${server ? `the server at ${server.url} (process ${server.pid})` : 'another millrace'} uses it.`,
    {
      hint: server
        ? `Talk to that server (--url ${server.url}), stop it, or set MILLRACE_DATA_DIR to another folder.`
        : 'Wait until it ends, or set MILLRACE_DATA_DIR to another folder.',
    },
  )
}

/** The server that holds the data directory, as far as it says so; undefined where none does. */
export function readRunningServer(folder: string): RunningServer | undefined {
  try {
    const { url, pid } = JSON.parse(readFileSync(join(folder, SERVER_FILE), 'utf8')) as Partial<RunningServer>
    return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined
  } catch {
    return undefined
  }
}

function readOwnerId(folder: string): string {
  const file = join(folder, 'owner-id')
  try {
    const id = readFileSync(file, 'utf8').trim()
    if (/^[0-9a-f-]{36}$/.test(id)) return id
  } catch {
    // Not there yet.
  }
  const id = randomUUID()
  writeWhole(file, `${id}\n`)
  return id
}

/** Readers see the old text or the new one. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

function unusable(folder: string, cause: unknown): MillraceError {
  const reason = cause instanceof Error ? `: ${cause.message}` : ''
  return new MillraceError(
    'BAD_USER_INPUT',
    `Expected MILLRACE_DATA_DIR to be a folder to write to, but ${folder} is not${reason}.`,
    {
      hint: 'Set MILLRACE_DATA_DIR to a folder that this user may write to.',
      cause,
    },
  )
}
