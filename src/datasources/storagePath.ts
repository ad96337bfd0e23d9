import { MillraceError } from '../errors.ts'

/**
 * The segments of an absolute path within a storage; none for "/". The last defence of both keepers: users' paths have
 * been checked long before. BAD_USER_INPUT for a path that could mean a place outside the storage, or no place at all.
 */
export function pathSegments(path: string): string[] {
  if (!path.startsWith('/')) throw badPath(path, 'starts with "/"')
  if (path === '/') return []
  const segments = path.slice(1).split('/')
  for (const segment of segments) {
    if (segment === '') throw badPath(path, 'has no empty segment')
    if (segment === '.' || segment === '..') throw badPath(path, 'has no "." or ".." segment')
    if (segment.includes('\0')) throw badPath(path, 'has no NUL character')
  }
  return segments
}

/** The folder that a path lies in; BAD_USER_INPUT for "/", which lies in none. */
export function parentOf(path: string): string {
  if (path === '/') throw new MillraceError('BAD_USER_INPUT', 'expected the path of a file, got "/"')
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** The path of a child of `folder`. */
export function childOf(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

/** The last segment. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function badPath(path: string, expected: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `expected a path that ${expected}, got ${quoted(path)}`, {
    hint: 'A storage path is absolute and plain, for example /partitions/55025.parquet.',
  })
}

/** A path as messages show it: escaped, and short. */
export function quoted(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path)
}
