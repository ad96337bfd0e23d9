/**
 * The codes a client may see in `extensions.code`.
 *
 * UNAVAILABLE: a system did not answer; the same call may succeed later.
 * DATA_LOST: the file is there but its bytes are not, or are not what was written.
 * NOT_MIGRATED: the question needs a migration that has not happened yet.
 */
export const ERROR_CODES = [
  'BAD_USER_INPUT',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'NOT_MIGRATED',
  'CONFLICT',
  'UNAVAILABLE',
  'DATA_LOST',
  'CANCELLED',
  'INTERNAL',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface ErrorDetails {
  /** What the reader can do about it, one sentence. */
  hint?: string
  cause?: unknown
}

/** The one error type that users see. The message says what was expected and what came. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, { hint, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'MillraceError'
    this.code = code
    this.hint = hint
  }
}

/** The code of an error, or INTERNAL for one that nobody foresaw. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof MillraceError ? error.code : 'INTERNAL'
}

/** True where `error` is a MillraceError with one of the codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is MillraceError {
  return error instanceof MillraceError && codes.includes(error.code)
}

/** What was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
