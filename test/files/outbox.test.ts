import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { folderInOutbox } from '../../src/files/outbox.ts'

let folder: string
let outbox: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-outbox-')))
  outbox = join(folder, 'outbox')
  mkdirSync(join(outbox, 'a/b'), { recursive: true })
  mkdirSync(join(outbox, '..hidden'))
  mkdirSync(join(folder, 'outbox-other'))
  writeFileSync(join(outbox, 'file'), '')
  symlinkSync('..', join(outbox, 'out'))
  symlinkSync('/', join(outbox, 'a/root'))
  symlinkSync('b', join(outbox, 'a/inside'))
  symlinkSync('nowhere', join(outbox, 'broken'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['.', ''],
  ['a', 'a'],
  ['a/b/', 'a/b'],
  ['a/../a/./b', 'a/b'],
  ['..hidden', '..hidden'],
  ['a/inside', 'a/b'],
])('%s is below it', async (asked, found) => {
  expect(await folderInOutbox(outbox, asked)).toBe(join(outbox, found))
})

test('an absolute path may be below it, and the outbox a symbolic link itself', async () => {
  expect(await folderInOutbox(outbox, join(outbox, 'a'))).toBe(join(outbox, 'a'))
  const link = join(folder, 'link')
  symlinkSync(outbox, link)
  expect(await folderInOutbox(link, 'a')).toBe(join(outbox, 'a'))
})

test.each([
  '..',
  '../outbox-other',
  '/',
  '/etc',
  '/no/such/folder',
  'a/../../..',
  'out',
  'out/outbox-other',
  'a/root/etc',
])('%s is outside, whether it exists or not', async asked => {
  await expect(folderInOutbox(outbox, asked)).rejects.toMatchObject({
    code: 'FORBIDDEN',
    hint: expect.stringContaining('MILLRACE_FILES_ROOT') as string,
  })
})

test.each([
  ['no-such', 'NOT_FOUND', /is not there/],
  ['broken', 'NOT_FOUND', /is not there/],
  ['file/below', 'NOT_FOUND', /is not there/],
  ['file', 'BAD_USER_INPUT', /is no folder/],
  ['', 'BAD_USER_INPUT', /is no path/],
  ['a\0b', 'BAD_USER_INPUT', /is no path/],
])('%j cannot be sent', async (asked, code, message) => {
  await expect(folderInOutbox(outbox, asked)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  })
})

test('an outbox that is not there has no folder', async () => {
  await expect(folderInOutbox(join(folder, 'none'), '.')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
