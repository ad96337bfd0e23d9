import { MillraceError } from '../errors.ts'

const MOST_BYTES = 4_000
const MOST_SEGMENT_BYTES = 255
/** The place where receivers assemble blocks, and the folder of blocks in a storage. */
const RESERVED = new Set(['.assembling', '.blocks'])
/** A receiver keeps a file as a folder with files of these names. */
const BLOCK_FILE = /^block_\d+(?:\.bin|_metadata\.json)$/

/**
 * Why no transfer may have this name, in half a sentence; null where it may. A name is a relative path with "/" between its parts, and what it names
 * lies below the folder that it is looked up in, on every system. Both sides ask: a sender before it sends, a receiver of what comes.
 */
export function transferNameProblem(name: string): string | null {
  if (name === '') return 'the name is empty'
  if (!name.isWellFormed()) return 'the name is no Unicode text'
  if (Buffer.byteLength(name) > MOST_BYTES) return `the name has more than ${MOST_BYTES} bytes`
  if (name.startsWith('/')) return 'the path is absolute'
  const segments = name.split('/')
  for (const segment of segments) {
    const problem = segmentProblem(segment)
    if (problem !== null) return problem
  }
  const kept = segments.slice(1).find(segment => BLOCK_FILE.test(segment))
  return kept === undefined ? null : `the name ${JSON.stringify(kept)} in a folder is kept for blocks`
}

function segmentProblem(segment: string): string | null {
  if (segment === '') return 'the path has an empty part'
  if (segment === '.' || segment === '..') return `the path has a part ${JSON.stringify(segment)}`
  if (/\p{Cc}/u.test(segment)) return 'the name has control characters'
  if (segment.includes('\\')) return 'the name has a backslash, which some systems take for a path'
  if (Buffer.byteLength(segment) > MOST_SEGMENT_BYTES)
    return `a part of the path has more than ${MOST_SEGMENT_BYTES} bytes`
  return RESERVED.has(segment.toLowerCase()) ? `the name ${JSON.stringify(segment)} is reserved` : null
}

/** BAD_USER_INPUT for what is no name of a transfer, said to a person who asks for one. */
export function checkTransferName(name: string): void {
  const problem = transferNameProblem(name)
  if (problem === null) return
  throw new MillraceError('BAD_USER_INPUT', `Expected the name of a file, but ${problem}.`, {
    hint: 'It is the path below the folder that was sent, such as reports/2026.csv.',
  })
}
