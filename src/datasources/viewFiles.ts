import { hasCode, MillraceError } from '../errors.ts'
import { shownValue } from '../shownValue.ts'
import type { Call } from './call.ts'
import type { FileView, WrittenFiles } from './engine.ts'
import type { SourceColumn } from './source.ts'
import type { FileStatus, Storage } from './storage.ts'
import { nameOf, quoted } from './storagePath.ts'

/** A view whose files have been looked up. */
export interface FoundView {
  name: string
  format: FileView['format']
  columns: readonly SourceColumn[] | undefined
  files: FileStatus[]
}

const NAME = /^[a-z_][a-z0-9_]{0,62}$/
/** The first line of a CSV file is looked for in so many bytes. */
const HEADER_BYTES = 64 * 1024

/** Checks what can be checked of views without an engine, and finds their files. Errors as in EngineSession.register. */
export async function findViewFiles(storage: Storage, views: readonly FileView[], call: Call): Promise<FoundView[]> {
  return await Promise.all(views.map(view => findFiles(storage, view, call)))
}

/** For EngineSession.read. */
export function writtenView(files: WrittenFiles['files']): FileView {
  return { name: 'written', paths: files.map(({ path }) => path), format: 'parquet' }
}

/** The files directly in a folder whose names begin with neither "." nor "_". */
export async function visibleFiles(storage: Storage, folder: string, call: Call): Promise<FileStatus[]> {
  const children = await storage.list(folder, call)
  return children.filter(({ kind, path }) => kind === 'file' && !/^[._]/.test(nameOf(path)))
}

/** CONFLICT where something is at `folder` already; an empty folder is nothing. */
export async function expectEmptyFolder(storage: Storage, folder: string, call: Call): Promise<void> {
  expectPlain(folder)
  const children = await storage.list(folder, call)
  if (children.length === 0) return
  throw new MillraceError(
    'CONFLICT',
    `Expected nothing in the folder ${quoted(folder)}, found ${quoted(nameOf(children[0]!.path))}.`,
    { hint: 'Write to a folder of another name.' },
  )
}

/** BAD_USER_INPUT for what is no name of a view. */
export function expectViewName(name: string): void {
  if (NAME.test(name)) return
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a view name of lower case letters, digits and "_", not beginning with a digit, got ${shownValue(name)}.`,
  )
}

async function findFiles(storage: Storage, view: FileView, call: Call): Promise<FoundView> {
  const { name, format, columns, paths } = view
  expectViewName(name)
  if (!columns && (format === 'csv' || paths.length === 0)) {
    const what = format === 'csv' ? 'is made from CSV files' : 'has no files'
    throw new MillraceError('BAD_USER_INPUT', `Expected the columns of view "${name}", because it ${what}.`)
  }
  const files = (await Promise.all(paths.map(path => filesAt(storage, name, path, call)))).flat()
  if (format === 'csv') await Promise.all(files.map(file => checkHeader(storage, file, columns!, call)))
  return { name, format, columns, files }
}

async function filesAt(storage: Storage, view: string, path: string, call: Call): Promise<FileStatus[]> {
  expectPlain(path)
  const status = await statOf(storage, view, path, call)
  if (status.kind === 'file') return [status]
  const files = await visibleFiles(storage, path, call)
  if (files.length > 0) return files
  throw new MillraceError('NOT_FOUND', `Expected files for view "${view}" in the folder ${quoted(path)}, it has none.`)
}

/** Engines would take these characters for patterns. */
function expectPlain(path: string): void {
  if (!/[*?[\]{}\\]/.test(path)) return
  throw new MillraceError('BAD_USER_INPUT', `Expected a path without * ? [ ] { } and \\, got ${quoted(path)}.`)
}

async function statOf(storage: Storage, view: string, path: string, call: Call): Promise<FileStatus> {
  try {
    return await storage.stat(path, call)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error
    throw new MillraceError(
      'NOT_FOUND',
      `Expected a file or folder for view "${view}" at ${quoted(path)}, found nothing.`,
      {
        cause: error,
      },
    )
  }
}

/** Engines skip the header or mind it each in its own way, so it is compared here. */
async function checkHeader(
  storage: Storage,
  { path, length }: FileStatus,
  columns: readonly SourceColumn[],
  call: Call,
): Promise<void> {
  const bytes = await storage.read(path, { offset: 0, length: Math.min(length, HEADER_BYTES) }, call)
  const text = new TextDecoder().decode(bytes)
  const expected = columns.map(({ name }) => name)
  const found = headerOf(text)
  if (found.length === expected.length && found.every((name, index) => name === expected[index])) return
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected the header ${shownNames(expected)} in ${quoted(path)}, found ${shownNames(found)}.`,
    { hint: 'The columns of the file have changed, or its first line is no header: correct the file, or the columns.' },
  )
}

function headerOf(text: string): string[] {
  const line = /^[^\r\n]*/.exec(text.replace(/^\uFEFF/, ''))![0]
  const fields = [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)]
  return fields.map(([, inQuotes, plain]) => inQuotes?.replaceAll('""', '"') ?? plain ?? '')
}

function shownNames(names: readonly string[]): string {
  const text = names.join(',')
  return text.length > 500 ? `${text.slice(0, 500)}...` : text
}
