import { MillraceError } from '../errors.ts'

const MAX_PATH_BYTES = 4096
const MAX_SEGMENT_BYTES = 255
const SHOWN_CHARACTERS = 80

/**
 * An absolute path of a file in a storage, as a person writes it; returns it unchanged. It is refused where a storage, a URL or a shell could
 * read it as another path than it seems to be.
 *
 * BAD_USER_INPUT, the message says which rule and what came.
 */
export function parseStoragePath(text: string): string {
  const problem = problemOf(text)
  if (problem === undefined) return text
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected an absolute storage path such as /hdma-wi-2021.parquet, but ${problem}: ${shown(text)}.`,
    { hint: 'Write the path from the root of the storage, names separated by single slashes, nothing encoded.' },
  )
}

function problemOf(path: string): string | undefined {
  if (!path.startsWith('/')) return 'this does not begin with a slash'
  if (path === '/') return 'this is the root folder'
  if (!path.isWellFormed()) return 'this is not well-formed Unicode'
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return `this has ${Buffer.byteLength(path)} bytes, more than ${MAX_PATH_BYTES}`
  }
  if (/\p{Cc}/u.test(path)) return 'this has a control character'
  const forbidden = /[?#\\]/.exec(path)
  if (forbidden !== null) return `this has a ${forbidden[0]}`
  const encoded = /%(?:2f|5c|2e|00)/i.exec(path)
  if (encoded !== null) return `this has the percent-code ${encoded[0]}`
  if (path.endsWith('/')) return 'this ends with a slash'
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') return 'this has an empty segment'
    if (segment === '.' || segment === '..') return `this has the segment "${segment}"`
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) {
      return `this has a segment of ${Buffer.byteLength(segment)} bytes, more than ${MAX_SEGMENT_BYTES}`
    }
  }
  return undefined
}

/** Short enough for a message, with control characters made visible. */
function shown(text: string): string {
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text
  return JSON.stringify(short)
}
