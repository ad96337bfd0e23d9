import { type ErrorCode, MillraceError } from '../../errors.ts'

/** Result codes of SQLite, without what extends them. */
export const SQLITE_BUSY = 5

interface Meaning {
  code: ErrorCode
  says: (file: string) => string
  hint: string
}

const damaged: Meaning = {
  code: 'DATA_LOST',
  says: file => `the file ${file} is damaged, or no file of SQLite`,
  hint: 'Move it away to begin with an empty one.',
}
const denied: Meaning = {
  code: 'FORBIDDEN',
  says: file => `the file ${file} cannot be written to`,
  hint: 'Give the user who runs Millrace the right to read and write the file and its folder.',
}

const MEANINGS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [3, denied],
  [
    SQLITE_BUSY,
    {
      code: 'UNAVAILABLE',
      says: file => `another process keeps the file ${file} locked`,
      hint: 'Repeat; if it stays so, look for a process that hangs.',
    },
  ],
  [8, denied],
  [
    10,
    { code: 'UNAVAILABLE', says: file => `the disk failed under the file ${file}`, hint: 'See the log of the system.' },
  ],
  [11, damaged],
  [
    13,
    {
      code: 'UNAVAILABLE',
      says: file => `the disk has no room for the file ${file}`,
      hint: 'Make room on the disk, and repeat.',
    },
  ],
  [
    14,
    {
      code: 'UNAVAILABLE',
      says: file => `the file ${file} cannot be opened`,
      hint: 'It must be in a folder that the user who runs Millrace can write to.',
    },
  ],
  [26, damaged],
])

/** What the operating system says where the folder of the file cannot be made. */
const FOLDER_ERRORS: ReadonlyMap<string, number> = new Map([
  ['EACCES', 3],
  ['EPERM', 3],
  ['EROFS', 8],
  ['ENOSPC', 13],
  ['EEXIST', 14],
  ['ENOTDIR', 14],
])

/** A MillraceError for whatever SQLite threw, or making its folder; another error comes back as it is. */
export function explainSqliteError(error: unknown, file: string): unknown {
  const code = resultCode(error)
  const meaning = code === undefined ? undefined : MEANINGS.get(code)
  if (!meaning) return error
  const reason = error instanceof Error ? `: ${error.message}` : ''
  return new MillraceError(meaning.code, `The log cannot be used: ${meaning.says(file)}${reason}.`, {
    hint: meaning.hint,
    cause: error,
  })
}

export function isBusy(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY
}

/** node:sqlite puts the result code, extended or not, in `errcode`. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff
  return 'syscall' in error && 'code' in error ? FOLDER_ERRORS.get(String(error.code)) : undefined
}
