import type { FileStatus } from '../../../src/datasources/storage.ts'
import { childOf, parentOf, quoted } from '../../../src/datasources/storagePath.ts'
import { MillraceError } from '../../../src/errors.ts'

/** The files of a storage, as its servers have them: what happens to them happens at once and in order. */
export interface Disk {
  files: Map<string, DiskFile>
  stat(path: string): FileStatus
  list(folder: string): FileStatus[]
  read(path: string, offset: number, length: number): Uint8Array
  /** An empty file that grows by append(), visible from its first byte; takes the place of another one. */
  open(path: string): DiskFile
  append(file: DiskFile, bytes: Uint8Array): void
  rename(from: string, to: string): void
  renameNew(from: string, to: string): void
  remove(path: string): void
}

export interface DiskFile {
  id: number
  bytes: Uint8Array
  modifiedAtMillis: number
}

export function createDisk(nowMillis: () => number, onNamed: (path: string, file: DiskFile) => void): Disk {
  const files = new Map<string, DiskFile>()
  let ids = 16_000

  const fileAt = (path: string): DiskFile => {
    const file = files.get(path)
    if (!file) throw new MillraceError('NOT_FOUND', `nothing at ${quoted(path)}`)
    return file
  }
  const statusOf = (path: string, { id, bytes, modifiedAtMillis }: DiskFile): FileStatus => ({
    path,
    kind: 'file',
    length: bytes.length,
    modifiedAtMillis,
    fileId: `${id}`,
    replication: 1,
    blockBytes: 1024,
  })

  function rename(from: string, to: string): void {
    const file = fileAt(from)
    files.delete(from)
    files.set(to, file)
    onNamed(to, file)
  }

  return {
    files,
    stat: path => statusOf(path, fileAt(path)),
    list: folder =>
      [...files]
        .filter(([path]) => parentOf(path) === folder)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([path, file]) => statusOf(path, file)),
    read(path, offset, length) {
      const { bytes } = fileAt(path)
      if (offset + length > bytes.length)
        throw new MillraceError('DATA_LOST', `${quoted(childOf(path, ''))} ends early`)
      // Never changed in place: a write makes new bytes.
      return length === bytes.length ? bytes : bytes.slice(offset, offset + length)
    },
    open(path) {
      const file = { id: ids++, bytes: new Uint8Array(), modifiedAtMillis: nowMillis() }
      files.set(path, file)
      return file
    },
    append(file, bytes) {
      file.bytes = Buffer.concat([file.bytes, bytes])
    },
    rename,
    renameNew(from, to) {
      fileAt(from)
      if (files.has(to)) throw new MillraceError('CONFLICT', `expected nothing at ${quoted(to)}`)
      rename(from, to)
    },
    remove(path) {
      files.delete(path)
    },
  }
}
