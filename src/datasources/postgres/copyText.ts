import { MillraceError } from '../../errors.ts'
import type { CopyLines, RowStream } from '../rowStream.ts'
import type { ColumnType, Row } from '../source.ts'
import type { WarehouseCall } from '../warehouse.ts'

/** What one CopyData message carries, about. */
const CHUNK_CHARACTERS = 128 * 1024

/** Rows as the text format of COPY: tabs between values, \N for NULL, a line each. */
export async function* copyText(
  rows: RowStream,
  { onRows, signal }: WarehouseCall,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (rows.copyLines) {
    yield* countedLines(rows.copyLines(signal ? { signal } : {}), onRows)
    return
  }
  const writers = rows.columns.map(({ type }) => writerOf(type))
  let text = ''
  let count = 0
  for await (const batch of rows.rows(signal ? { signal } : {})) {
    for (const row of batch) {
      text += lineOf(row, writers)
      if (text.length < CHUNK_CHARACTERS) continue
      yield Buffer.from(text)
      text = ''
    }
    count += batch.length
    onRows?.(count)
  }
  if (text !== '') yield Buffer.from(text)
}

async function* countedLines(
  lines: AsyncIterable<CopyLines>,
  onRows: WarehouseCall['onRows'],
): AsyncGenerator<Uint8Array, void, undefined> {
  let count = 0
  for await (const { text, rows } of lines) {
    if (text.includes(0)) throw nulCharacter()
    yield text
    count += rows
    onRows?.(count)
  }
}

type Write = (value: unknown) => string

function lineOf(row: Row, writers: readonly Write[]): string {
  let line = ''
  for (let index = 0; index < writers.length; index++) {
    const value = row[index]
    if (index > 0) line += '\t'
    line += value === null ? '\\N' : writers[index]!(value)
  }
  return `${line}\n`
}

function writerOf(type: ColumnType): Write {
  switch (type.kind) {
    case 'text':
      return value => escaped(value as string)
    case 'binary':
      return value => `\\\\x${Buffer.from(value as Uint8Array).toString('hex')}`
    case 'timestamp':
      return type.utc ? value => `${String(value)}+00` : String
    default:
      // Numbers, true and false, dates: as JavaScript writes them, so PostgreSQL reads them, NaN and Infinity too.
      return String
  }
}

const SPECIAL = /[\\\t\n\r\0]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escaped(text: string): string {
  if (!SPECIAL.test(text)) return text
  if (text.includes('\0')) throw nulCharacter()
  return text.replace(/[\\\t\n\r]/g, character => ESCAPES[character]!)
}

function nulCharacter(): MillraceError {
  return new MillraceError('BAD_USER_INPUT', 'Expected text without NUL characters, which PostgreSQL cannot keep.', {
    hint: 'Take them out in the query.',
  })
}
