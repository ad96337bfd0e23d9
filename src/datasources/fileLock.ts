import { DatabaseSync } from 'node:sqlite'

/** Held until release(), or the end of the process, however it ends. */
export interface FileLock {
  release(): void
}

const SQLITE_BUSY = 5

/**
 * Takes a lock of the kernel on the file, which is made where it is missing; null where another process has it. Throws SQLite's error where the file
 * cannot be written. An exclusive transaction is such a lock.
 */
export function lockFile(file: string): FileLock | null {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file)
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    const taken = database
    return { release: () => taken.close() }
  } catch (error) {
    database?.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null
    throw error
  }
}
