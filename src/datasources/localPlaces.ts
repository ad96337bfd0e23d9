import { mkdir, open, realpath } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { MillraceError } from '../errors.ts'
import { hasErrno, nothingAt, toMillraceError } from './localErrors.ts'
import { parentOf, pathSegments, quoted } from './storagePath.ts'

/** Where the paths of a storage lie on disk. No answer is outside the directory, whatever symbolic links there are. */
export interface LocalPlaces {
  /** The directory's real path; it is made at first use. */
  root(): Promise<string>
  /** The last segment may be missing or a link; links before it have been followed. */
  locate(path: string): Promise<string>
  /** A link in the last place is followed too. */
  locateExisting(path: string): Promise<string>
  /** As locate, for something new: makes the folders that it needs, so that they survive a crash. */
  locateNew(path: string): Promise<string>
}

/** Throws NOT_FOUND where a place that must exist does not, other errors of the file system as they are, and FORBIDDEN for a link that leads out of the directory. */
export function localPlaces(folder: string): LocalPlaces {
  const base = resolve(folder)
  let known: Promise<string> | undefined

  async function root(): Promise<string> {
    known ??= makeRoot(base)
    try {
      return await known
    } catch (error) {
      known = undefined // what failed may have been a passing thing: the next call asks again
      throw error
    }
  }

  async function locate(path: string): Promise<string> {
    const segments = pathSegments(path)
    const top = await root()
    const name = segments.pop()
    return name === undefined ? top : join(await insideOf(top, join(top, ...segments), path), name)
  }

  return {
    root,
    locate,
    locateExisting: async path => await insideOf(await root(), await locate(path), path),
    async locateNew(path) {
      const top = await root()
      let parent = top
      for (const segment of pathSegments(parentOf(path))) {
        const next = join(parent, segment)
        await makeFolder(next)
        parent = await insideOf(top, next, path)
      }
      return join(parent, pathSegments(path).at(-1)!)
    },
  }
}

/** Makes what was written to a folder (names added, replaced, removed) survive a power cut. */
export async function syncFolder(place: string): Promise<void> {
  await using folder = await open(place)
  await folder.sync()
}

async function makeRoot(base: string): Promise<string> {
  const firstMade = await mkdir(base, { recursive: true })
  if (firstMade !== undefined) await syncFolder(dirname(firstMade))
  return await realpath(base)
}

async function makeFolder(place: string): Promise<void> {
  try {
    await mkdir(place)
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return
    throw error
  }
  await syncFolder(dirname(place))
}

async function insideOf(top: string, place: string, path: string): Promise<string> {
  const real = await realpath(place).catch((error: unknown) => {
    throw hasErrno(error, 'ENOTDIR') ? nothingAt(path) : toMillraceError(error, path)
  })
  if (real === top || real.startsWith(top === sep ? sep : top + sep)) return real
  throw new MillraceError(
    'FORBIDDEN',
    `${quoted(path)} is a symbolic link, or lies behind one, that leads out of the storage`,
    {
      hint: 'Remove the link, or put what it names inside the directory in MILLRACE_STORAGE_URL.',
    },
  )
}
