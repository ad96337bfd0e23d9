import {
  access,
  constants,
  link,
  open,
  readdir,
  rename as renameFile,
  rm,
  stat as statFile,
  statfs,
  unlink,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode, MillraceError } from '../errors.ts'
import { abortableChunks } from './abortable.ts'
import type { Call } from './call.ts'
import { hasErrno, toMillraceError } from './localErrors.ts'
import { localPlaces, syncFolder } from './localPlaces.ts'
import type { ByteRange, Content, DataNodeStatus, FileBlocks, FileStatus, Storage } from './storage.ts'
import { childOf, parentOf, quoted } from './storagePath.ts'

export interface LocalStorageOptions {
  /** The directory that is "/" of the storage; made when first used. */
  folder: string
}

/** A directory has no blocks and no DataNodes of its own: its files are described as blocks of this size on one host. */
const BLOCK_BYTES = 1024 * 1024
const HOST = 'localhost'

/**
 * Files in a directory. Follows symbolic links only to places inside it. A request, in call.cost, is one call of this
 * interface, however many the operating system needs for it.
 */
export function localStorage({ folder }: LocalStorageOptions): Storage {
  const places = localPlaces(folder)

  async function stat(path: string): Promise<FileStatus> {
    const status = await statFile(await places.locateExisting(path), { bigint: true })
    if (!status.isFile() && !status.isDirectory()) throw notAFile(path, 'a device or a pipe')
    const kind = status.isFile() ? 'file' : 'folder'
    return {
      path,
      kind,
      length: kind === 'file' ? Number(status.size) : 0,
      modifiedAtMillis: Number(status.mtimeMs),
      // Without the change time (ctime), which a rename sets too: a published file is the one that was its temporary.
      fileId: `${status.ino}-${status.birthtimeNs}-${status.mtimeNs}`,
      replication: kind === 'file' ? 1 : 0,
      blockBytes: kind === 'file' ? BLOCK_BYTES : 0,
    }
  }

  async function list(folder: string): Promise<FileStatus[]> {
    let place: string
    try {
      place = await places.locateExisting(folder)
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return []
      throw error
    }
    const names = await readdir(place)
    const statuses = await Promise.all(names.map(name => statIfThere(childOf(folder, name))))
    return statuses
      .filter(status => status !== undefined)
      .sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0))
  }

  /** undefined for what is none of the folder's files: gone since the folder was read, a pipe, a link to nowhere or out of the storage. */
  async function statIfThere(path: string): Promise<FileStatus | undefined> {
    try {
      return await stat(path)
    } catch (error) {
      if (error instanceof MillraceError || hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
      throw error
    }
  }

  async function read(path: string, { offset, length }: ByteRange, { signal, cost }: Call): Promise<Uint8Array> {
    await using file = await open(await places.locateExisting(path), constants.O_RDONLY | constants.O_NONBLOCK)
    const status = await file.stat()
    if (!status.isFile()) throw notAFile(path, status.isDirectory() ? 'a folder' : 'a device or a pipe')
    if (offset + length > status.size) throw endsEarly(path, { offset, length }, status.size)
    const bytes = new Uint8Array(length)
    for (let filled = 0; filled < length; ) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled)
      if (bytesRead === 0) throw endsEarly(path, { offset, length }, offset + filled)
      filled += bytesRead
      if (cost) cost.bytes += bytesRead
    }
    return bytes
  }

  /** The bytes are on the disk when this resolves. The content's own errors pass as they are. */
  async function create(path: string, content: Content, { signal }: Call): Promise<void> {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants
    const told = <T>(work: Promise<T>) => tellByPath(path, work)
    const place = await told(places.locateNew(path))
    await using file = await told(open(place, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK))
    for await (const chunk of abortableChunks(content, signal)) await told(file.writeFile(chunk))
    signal?.throwIfAborted()
    await told(file.sync())
  }

  /** The new name is on the disk when this resolves. */
  async function rename(from: string, to: string): Promise<void> {
    await places.locateExisting(from)
    const source = await places.locate(from)
    const target = await places.locateNew(to)
    await renameFile(source, target)
    await syncFolder(dirname(target))
    if (dirname(source) !== dirname(target)) await syncFolder(dirname(source))
  }

  /**
   * Two steps, of which the first decides: a second name for the file, which the operating system never gives over another, then the old
   * name goes. A process that dies in between leaves both, and whoever moves it again goes on from there.
   */
  async function renameNew(from: string, to: string): Promise<void> {
    await places.locateExisting(from)
    const source = await places.locate(from)
    if ((await stat(from)).kind === 'folder') throw notAFile(from, 'a folder')
    const target = await places.locateNew(to)
    try {
      await link(source, target)
    } catch (error) {
      if (!hasErrno(error, 'EEXIST')) throw error
      const [there, ours] = await Promise.all([stat(to), stat(from)])
      if (there.kind === 'folder') throw notAFile(to, 'a folder')
      if (there.fileId !== ours.fileId || from === to) throw taken(to)
    }
    await syncFolder(dirname(target))
    await unlink(source)
    if (dirname(source) !== dirname(target)) await syncFolder(dirname(source))
  }

  async function remove(path: string): Promise<void> {
    parentOf(path)
    try {
      await rm(await places.locate(path), { recursive: true, force: true })
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND') && !hasErrno(error, 'ENOTDIR')) throw error
    }
  }

  async function blockLocations(path: string): Promise<FileBlocks> {
    const { kind, length } = await stat(path)
    if (kind === 'folder') throw notAFile(path, 'a folder')
    const blocks = Array.from({ length: Math.ceil(length / BLOCK_BYTES) }, (_, index) => ({
      offset: index * BLOCK_BYTES,
      length: Math.min(BLOCK_BYTES, length - index * BLOCK_BYTES),
      dataNodes: [HOST],
    }))
    return { length, replication: 1, blockBytes: BLOCK_BYTES, blocks }
  }

  async function dataNodes(): Promise<DataNodeStatus[]> {
    const { blocks, bfree, bsize } = await statfs(await places.root())
    const usage = { usedBytes: (blocks - bfree) * bsize, capacityBytes: blocks * bsize }
    return [{ name: HOST, state: 'LIVE', lastContact: new Date(), ...usage }]
  }

  async function ping(): Promise<string> {
    const root = await places.root()
    await access(root, constants.R_OK | constants.W_OK)
    const { bavail, bsize } = await statfs(root)
    return `directory, ${((bavail * bsize) / 1e9).toFixed(1)} GB free`
  }

  async function request<T>(path: string, { signal, cost }: Call, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    if (cost) cost.requests += 1
    return await tellByPath(path, work())
  }

  return {
    kind: 'directory',
    url: `file:${folder}`,
    stat: (path, call = {}) => request(path, call, () => stat(path)),
    list: (folder, call = {}) => request(folder, call, () => list(folder)),
    read: (path, range, call = {}) => request(path, call, () => read(path, range, call)),
    async create(path, content, _layout, call = {}) {
      call.signal?.throwIfAborted()
      if (call.cost) call.cost.requests += 1
      await create(path, content, call)
    },
    rename: (from, to, call = {}) => request(from, call, () => rename(from, to)),
    renameNew: (from, to, call = {}) => request(from, call, () => renameNew(from, to)),
    remove: (path, call = {}) => request(path, call, () => remove(path)),
    blockLocations: (path, call = {}) => request(path, call, () => blockLocations(path)),
    dataNodes: (call = {}) => request('/', call, dataNodes),
    ping: (call = {}) => request('/', call, ping),
    close: async () => {},
  }
}

async function tellByPath<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toMillraceError(error, path)
  }
}

function notAFile(path: string, found: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `expected a file at ${quoted(path)}, found ${found}`)
}

function taken(path: string): MillraceError {
  return new MillraceError('CONFLICT', `expected nothing at ${quoted(path)}, found a file`)
}

function endsEarly(path: string, { offset, length }: ByteRange, end: number): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `expected ${length} bytes from byte ${offset} of ${quoted(path)}, but the file ends at byte ${end}`,
    { hint: 'The file was cut short or replaced by a shorter one; write it again.' },
  )
}
