import { hasErrno } from '../datasources/localErrors.ts'
import { MillraceError } from '../errors.ts'

/** A folder of ours that this user may not use: no fault of the block or file at hand, for whatever comes next would fail alike. FORBIDDEN. */
export class ClosedFolder extends MillraceError {
  constructor(folder: string, cause: unknown) {
    super('FORBIDDEN', `Expected to read and write ${folder}, but this user may not.`, {
      hint: 'Give the user who runs Millrace the right to, or choose another folder with --output.',
      cause,
    })
  }
}

/** What `work` in the folder gives. ClosedFolder where the operating system refuses it, whether localStorage has explained that or not. */
export async function allowedIn<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const reason = error instanceof MillraceError ? error.cause : error
    throw hasErrno(reason, 'EACCES', 'EPERM', 'EROFS') ? new ClosedFolder(folder, error) : error
  }
}
