import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { hasErrno } from '../../datasources/localErrors.ts'
import { MillraceError } from '../../errors.ts'
import { type FoundFile, identityOf } from './scanFolder.ts'
import { isSameFile } from './transfer.ts'

/** A file that is read only as long as it is the one that was found. */
export interface OpenFile extends AsyncDisposable {
  /** What a call has failed with: then it is the file that is wrong, and nothing else. */
  problem(): MillraceError | undefined
  /** Fills the buffer with what begins at `offset`. CONFLICT where the file has ended before. */
  read(buffer: Buffer, offset: number): Promise<void>
  /** CONFLICT where the file is not as it was found: other bytes, another time, another file at its place. */
  checkUnchanged(): Promise<void>
}

/** CONFLICT where another file is there by now; FORBIDDEN where it cannot be read. */
export async function openFile(found: FoundFile): Promise<OpenFile> {
  const { name, place } = found
  const file = await told(open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK), name)
  let problem: MillraceError | undefined

  async function noted<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof MillraceError) problem = error
      throw error
    }
  }

  async function read(buffer: Buffer, offset: number): Promise<void> {
    for (let filled = 0; filled < buffer.length; ) {
      const { bytesRead } = await told(file.read(buffer, filled, buffer.length - filled, offset + filled), name)
      if (bytesRead === 0) throw changed(name)
      filled += bytesRead
    }
  }

  async function checkUnchanged(): Promise<void> {
    await checkOpened(file, found)
    const atPlace = await lstat(place, { bigint: true }).catch(() => undefined)
    if (!atPlace || !isSameFile(identityOf(atPlace), found.identity)) throw changed(name)
  }

  try {
    await checkOpened(file, found)
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    problem: () => problem,
    read: (buffer, offset) => noted(() => read(buffer, offset)),
    checkUnchanged: () => noted(checkUnchanged),
    [Symbol.asyncDispose]: () => file.close(),
  }
}

async function checkOpened(file: FileHandle, { name, identity }: FoundFile): Promise<void> {
  const now = identityOf(await told(file.stat({ bigint: true }), name))
  if (!isSameFile(now, identity)) throw changed(name)
}

function changed(name: string): MillraceError {
  return new MillraceError(
    'CONFLICT',
    `Expected ${JSON.stringify(name)} to stay as it was, but it changed while it was sent.`,
    {
      hint: 'Send it again when nobody writes it any more.',
    },
  )
}

async function told<T>(work: Promise<T>, name: string): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const shown = JSON.stringify(name)
    if (hasErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) {
      throw new MillraceError(
        'CONFLICT',
        `Expected the file ${shown}, but it was removed or replaced while others were sent.`,
        {
          hint: 'Run the same again to send what is there by then.',
          cause,
        },
      )
    }
    if (hasErrno(cause, 'EACCES', 'EPERM')) {
      throw new MillraceError('FORBIDDEN', `Expected to read ${shown}, but this user may not.`, {
        hint: 'Give the user who runs Millrace the right to read it.',
        cause,
      })
    }
    if (hasErrno(cause, 'EIO')) {
      throw new MillraceError('DATA_LOST', `The disk failed while ${shown} was read.`, {
        hint: 'See the system log; restore the file.',
        cause,
      })
    }
    throw cause
  }
}
