import type { Call } from '../datasources/call.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { statSwapped } from '../datasources/swap.ts'
import { hasCode, MillraceError } from '../errors.ts'
import { keyValues, parseFooter } from '../parquet/footer.ts'
import { readTail } from '../parquet/readTail.ts'
import { indexedLoansFolder, readFolderIndex } from './datasetFolder.ts'
import { foreignLoansFile } from './foreignLoansFile.ts'
import { indexedLoansFile, parseIndex } from './indexedLoansFile.ts'
import { LOANS_PATH, type LoansFile, versionOf } from './loansFile.ts'

/** The current main file, or folder; its footer or index is read once per version. */
export interface LoansFiles {
  /** NOT_MIGRATED before the first migration. */
  current(call: Call): Promise<LoansFile>
}

/** Footers of a hundred columns and counties are about half of this. */
const FIRST_READ_BYTES = 1 << 20
/** A migration that puts new data in place makes us look again; more often than this is no coincidence. */
const LOOKS = 3

export function loansFiles(storage: Storage, { workFolder }: { workFolder: string }): LoansFiles {
  let latest: { path: string; version: string; file: Promise<LoansFile> } | undefined

  function open(status: FileStatus, call: Call): Promise<LoansFile> {
    const { path } = status
    const version = versionOf(status)
    if (latest?.version === version && latest.path === path) return latest.file
    const opened = { path, version, file: openLoansFile(storage, status, workFolder, call) }
    latest = opened
    opened.file.catch(() => {
      if (latest === opened) latest = undefined
    })
    return opened.file
  }

  return {
    async current(call) {
      let status = await statMain(storage, call)
      for (let look = 1; ; look++) {
        try {
          return await open(status, call)
        } catch (error) {
          // It may have been replaced after it was looked at, and then it is not what was expected.
          if (look === LOOKS || !hasCode(error, 'DATA_LOST', 'NOT_FOUND', 'BAD_USER_INPUT')) throw error
          const now = await statMain(storage, call)
          if (now.path === status.path && versionOf(now) === versionOf(status)) throw error
          status = now
        }
      }
    },
  }
}

async function statMain(storage: Storage, call: Call): Promise<FileStatus> {
  try {
    return await statSwapped(storage, LOANS_PATH, call)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error
    throw new MillraceError(
      'NOT_MIGRATED',
      `No loans have been migrated yet: there is no ${LOANS_PATH} in the storage.`,
      {
        hint: 'Run the mutation migrateLoans (or the command DbToHdfs) first.',
        cause: error,
      },
    )
  }
}

async function openLoansFile(storage: Storage, status: FileStatus, workFolder: string, call: Call): Promise<LoansFile> {
  try {
    if (status.kind === 'folder') {
      const index = await readFolderIndex(storage, status.path, call)
      return index
        ? indexedLoansFolder(storage, status, index)
        : await foreignLoansFile(storage, status, workFolder, call)
    }
    const footer = parseFooter(await readTail(storage, status, FIRST_READ_BYTES, call))
    const index = parseIndex(keyValues(footer))
    if (index) return indexedLoansFile(storage, status, footer, index)
    return await foreignLoansFile(storage, status, workFolder, call)
  } catch (error) {
    if (!hasCode(error, 'DATA_LOST')) throw error
    throw new MillraceError('DATA_LOST', `${LOANS_PATH} cannot be read as the loans file. ${error.message}`, {
      hint: 'Run the mutation migrateLoans to write it again.',
      cause: error,
    })
  }
}
