import { expect, test } from 'vitest'
import { transferNameProblem } from '../../src/files/paths.ts'

test.each([
  'data.csv',
  'with blank and "quotes"',
  'sub/folder/file',
  'ünïcode 🚀 код 日本',
  '.hidden',
  '...',
  'block_0001.bin',
  `${'ü'.repeat(127)}/${'n'.repeat(255)}`,
])('%j may be sent', name => expect(transferNameProblem(name)).toBeNull())

test.each([
  ['', 'the name is empty'],
  ['/etc/passwd', 'the path is absolute'],
  ['../up', 'the path has a part ".."'],
  ['a/../../up', 'the path has a part ".."'],
  ['a/./b', 'the path has a part "."'],
  ['a//b', 'the path has an empty part'],
  ['a/', 'the path has an empty part'],
  ['a\0b', 'the name has control characters'],
  ['a\nb', 'the name has control characters'],
  ['a\u0085b', 'the name has control characters'],
  ['C:\\windows', 'the name has a backslash, which some systems take for a path'],
  ['.assembling', 'the name ".assembling" is reserved'],
  ['a/.Assembling/b', 'the name ".Assembling" is reserved'],
  ['.blocks', 'the name ".blocks" is reserved'],
  ['a/block_0001.bin', 'the name "block_0001.bin" in a folder is kept for blocks'],
  ['a/block_12345_metadata.json', 'the name "block_12345_metadata.json" in a folder is kept for blocks'],
  [`${'ü'.repeat(128)}`, 'a part of the path has more than 255 bytes'],
  [Array(20).fill('n'.repeat(250)).join('/'), 'the name has more than 4000 bytes'],
  ['\ud800', 'the name is no Unicode text'],
])('%.60j may not: %s', (name, problem) => expect(transferNameProblem(name)).toBe(problem))
