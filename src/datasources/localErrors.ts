import { type ErrorCode, MillraceError } from '../errors.ts'
import { quoted } from './storagePath.ts'

interface Rule {
  code: ErrorCode
  says: (path: string) => string
  hint?: string
}

const noRoom: Rule = {
  code: 'UNAVAILABLE',
  says: path => `the disk under the storage has no room for ${path}`,
  hint: 'Delete files there or give MILLRACE_STORAGE_URL another directory, and try again.',
}
const denied: Rule = {
  code: 'FORBIDDEN',
  says: path => `the operating system does not allow that with ${path} of the storage`,
  hint: 'Give the user who runs Millrace the right to read and write the directory in MILLRACE_STORAGE_URL.',
}
const readOnly: Rule = {
  code: 'FORBIDDEN',
  says: path => `the file system under the storage is read-only: ${path} cannot be changed`,
  hint: 'Mount it writable, or give MILLRACE_STORAGE_URL another directory.',
}
const nothingThere: Rule = { code: 'NOT_FOUND', says: path => `expected a file or folder at ${path}, found nothing` }
const notAFile: Rule = { code: 'BAD_USER_INPUT', says: path => `expected a file at ${path}, found a folder` }
const notAFolder: Rule = { code: 'BAD_USER_INPUT', says: path => `expected a folder at ${path}, found a file` }
const tooManyFiles: Rule = {
  code: 'UNAVAILABLE',
  says: path => `too many files are open to open ${path}`,
  hint: 'Try again, or raise the limit (ulimit -n).',
}

/** From the operating system's error names to our errors. */
const RULES: Readonly<Record<string, Rule>> = {
  ENOSPC: noRoom,
  EDQUOT: noRoom,
  EACCES: denied,
  EPERM: denied,
  EROFS: readOnly,
  ENOENT: nothingThere,
  ENOTDIR: notAFolder,
  EEXIST: notAFolder,
  EISDIR: notAFile,
  ENOTEMPTY: notAFile,
  ENXIO: { code: 'BAD_USER_INPUT', says: path => `expected a file at ${path}, found a device or a pipe` },
  ENAMETOOLONG: { code: 'BAD_USER_INPUT', says: path => `a name in ${path} is too long for the file system` },
  ELOOP: { code: 'FORBIDDEN', says: path => `${path} is a symbolic link that the storage does not follow` },
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
  EIO: {
    code: 'DATA_LOST',
    says: path => `the disk failed under ${path}`,
    hint: 'See the system log; restore the file or make it again.',
  },
}

/** Says an error of the file system in terms of the path within the storage; every other error passes as it is. */
export function toMillraceError(error: unknown, path: string): unknown {
  const errno = errnoOf(error)
  const rule = errno === undefined ? undefined : RULES[errno]
  if (!rule) return error
  const hint = rule.hint === undefined ? {} : { hint: rule.hint }
  return new MillraceError(rule.code, `${rule.says(quoted(path))} (${errno})`, { ...hint, cause: error })
}

export function nothingAt(path: string): MillraceError {
  return new MillraceError(nothingThere.code, nothingThere.says(quoted(path)))
}

/** True for an error of the operating system with one of the names. */
export function hasErrno(error: unknown, ...names: string[]): boolean {
  const errno = errnoOf(error)
  return errno !== undefined && names.includes(errno)
}

function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof MillraceError) return undefined
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
