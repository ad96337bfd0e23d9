import { type FileHandle, open } from 'node:fs/promises'
import { MillraceError } from '../../errors.ts'
import { shownValue } from '../../shownValue.ts'
import { CITIZEN_COLUMNS, CITIZENS_FILE } from '../citizenColumns.ts'

const END_BYTES = 200
const MOST_HEADER_BYTES = 64 * 1024
/** What the last field of a whole line looks like. */
const WHOLE_END = /[,"]\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?"?$/

/** What can be said of the file as a whole, before its rows are looked at. BAD_USER_INPUT says what is wrong with it. */
export async function checkFile(path: string): Promise<void> {
  await using file = await open(path)
  const { size } = await file.stat()
  if (size === 0) throw wrongFile('it is empty', 'Have it sent again.')
  checkHeader(await readText(file, 0, Math.min(size, MOST_HEADER_BYTES)))
  const end = await readText(file, Math.max(0, size - END_BYTES), Math.min(size, END_BYTES))
  if (/[\r\n]$/.test(end) || WHOLE_END.test(end)) return
  throw wrongFile(
    `it ends in the middle of a line, with ${shownValue(end.slice(-30))}, so its rest is missing`,
    'Have it sent again.',
  )
}

function checkHeader(start: string): void {
  const line = start.replace(/^\uFEFF/, '').split(/\r?\n/, 1)[0]!
  const expected = CITIZEN_COLUMNS.map(({ name }) => name)
  const found = line.split(',').map(name => name.replace(/^"(.*)"$/, '$1'))
  if (found.join() === expected.join()) return
  const missing = expected.filter(name => !found.includes(name))
  const unknown = found.filter(name => !expected.includes(name))
  const difference = [
    missing.length > 0 ? `without ${missing.join(', ')}` : '',
    unknown.length > 0 ? `with ${shownValue(unknown.join(', '))}` : '',
    missing.length + unknown.length === 0 ? 'in another order' : '',
  ]
  throw wrongFile(
    `its header is another (${difference.filter(Boolean).join(', ')}): ${shownValue(line)}`,
    `Its first line must be ${expected.join(',')}, in UTF-8.`,
  )
}

function wrongFile(what: string, hint: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `Expected a ${CITIZENS_FILE} to ingest, but ${what}.`, { hint })
}

async function readText(file: FileHandle, position: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.toString('utf8', 0, bytesRead)
}
