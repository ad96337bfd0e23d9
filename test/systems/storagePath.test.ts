import { posix } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MillraceError } from '../../src/errors.ts'
import { parseCountyCode } from '../../src/loans/countyCode.ts'
import { parseStoragePath } from '../../src/systems/storagePath.ts'

const RUNS = { numRuns: 10_000 }

function accepts(path: string): boolean {
  try {
    return parseStoragePath(path) === path
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'BAD_USER_INPUT' && error.hint !== undefined) return false
    throw error
  }
}

/** The characters that attacks on paths are made of, often. */
const nasty = fc.constantFrom(
  '/',
  '//',
  '.',
  '..',
  '%2f',
  '%2F',
  '%5c',
  '%2e',
  '%00',
  '\\',
  '?',
  '#',
  '\0',
  '\n',
  '\x7f',
  '\x85',
  ' ',
  'a',
  'ä',
  '😀',
  '\ud800',
)
const anyPath = fc.oneof(
  fc.array(nasty, { maxLength: 12 }).map(parts => `/${parts.join('')}`),
  fc.string({ unit: 'binary', maxLength: 40 }).map(text => `/${text}`),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter(text => !/[/\\?#%\p{Cc}]/u.test(text) && text !== '.' && text !== '..' && text.isWellFormed())

test('whatever is accepted is one plain absolute path to every reader of paths', () => {
  fc.assert(
    fc.property(anyPath, path => {
      fc.pre(accepts(path))
      expect(posix.normalize(path)).toBe(path)
      expect(path).toMatch(/^\/[^/]/)
      // Encoded for a URL and read back by a server that decodes it, even twice, it names no other folder.
      const once = new URL(`http://host/webhdfs/v1${path.split('/').map(encodeURIComponent).join('/')}`).pathname
      expect(decodeURIComponent(once)).toBe(`/webhdfs/v1${path}`)
      expect(once.split('/').length).toBe(`/webhdfs/v1${path}`.split('/').length)
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(4096)
    }),
    RUNS,
  )
})

test('every path of plain segments is accepted', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), segments => {
      expect(accepts(`/${segments.join('/')}`)).toBe(true)
    }),
    RUNS,
  )
})

test('a path with one bad part is refused, whatever stands around it', () => {
  const bad = fc.constantFrom(
    '..',
    '.',
    '',
    'a%2Fb',
    'a%5cb',
    '%2e%2E',
    'x%00',
    'a\\b',
    'a?b',
    'a#b',
    'a\0b',
    'a\nb',
    'a\x1bb',
    'x'.repeat(256),
  )
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 4 }),
      bad,
      fc.array(segment, { maxLength: 4 }),
      (before, part, after) => {
        expect(accepts(`/${[...before, part, ...after].join('/')}`)).toBe(false)
      },
    ),
    RUNS,
  )
})

test('a path may have 4,096 bytes, and no more', () => {
  const longest = `/${'x'.repeat(254)}`.repeat(17).slice(0, 4096)
  expect(accepts(longest)).toBe(true)
  expect(accepts(`${longest}y`)).toBe(false)
})

test('a message shows no more than the beginning of what came', () => {
  expect(() => parseStoragePath(`/${'x/'.repeat(50_000)}`)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^.{1,250}$/) as string }) as Error,
  )
})

test('a county code is an integer of five digits or one less, and nothing else is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.integer({ min: 0, max: 100_100 }), fc.double(), fc.anything()), value => {
      const good = Number.isInteger(value) && Number(value) >= 1_001 && Number(value) <= 99_999
      let accepted = true
      try {
        expect(parseCountyCode(value)).toBe(value)
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_USER_INPUT', hint: expect.stringMatching(/55025/) as string })
        accepted = false
      }
      expect(accepted).toBe(good && typeof value === 'number')
    }),
    RUNS,
  )
})
