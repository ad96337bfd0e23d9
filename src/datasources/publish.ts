import { randomUUID } from 'node:crypto'
import { hasCode, MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Content, FileLayout, FileStatus, Storage } from './storage.ts'
import { childOf, nameOf, parentOf, quoted } from './storagePath.ts'

export interface PublishOptions {
  /** Bytes the file must have, where that is known before; what `content` yields is counted in any case. */
  length?: number
  /** Who to sweep after: a name of this process's data directory, say; letters, digits, "-" and "_". */
  owner: string
  /** Looks at what was written before others see it, a second read for example; DATA_LOST or UNAVAILABLE from it has it written again. */
  check?: (temporary: FileStatus) => Promise<void>
  /** Each step is tried again for so long where the storage does not answer: while it is restarted, say. Three times in any case. */
  retryForMillis?: number
  call?: Call
  surroundings?: Surroundings
}

/** Time and chance, for tests that replay both. */
export interface Surroundings {
  clock: Clock
  /** A UUID. */
  newId: () => string
}

const REAL: Surroundings = { clock: systemClock, newId: randomUUID }

/** How often and how patiently a doubtful step is tried again. */
const ATTEMPTS = 3
const FIRST_PAUSE_MILLIS = 200
const LONGEST_PAUSE_MILLIS = 2_000
/** For removing an abandoned temporary; the sweep gets what is left behind. */
const CLEAN_UP_MILLIS = 2_000
const LOOK_AGAIN_MILLIS = [20, 60, 120, 200] as const
export const DEFAULT_OLDER_THAN_MILLIS = 60 * 60 * 1000

type PublisherOptions = Omit<PublishOptions, 'owner' | 'surroundings'>

/** publish() and sweepTemporaries() for one storage and one owner. */
export interface Publisher {
  publish(path: string, content: () => Content, layout: FileLayout, options?: PublisherOptions): Promise<FileStatus>
  sweep(folder: string, options?: Omit<SweepOptions, 'owner'>): Promise<string[]>
}

/** A Publisher that can also publish what must not replace anything. */
export interface ExclusivePublisher extends Publisher {
  publishNew: Publisher['publish']
}

export function createPublisher(
  storage: Storage,
  owner: string,
  surroundings: Surroundings = REAL,
): ExclusivePublisher {
  const own = { owner, surroundings }
  return {
    publish: (path, content, layout, options) => publish(storage, path, content, layout, { ...options, ...own }),
    publishNew: (path, content, layout, options) => publishNew(storage, path, content, layout, { ...options, ...own }),
    sweep: (folder, options) =>
      sweepTemporaries(storage, folder, { nowMillis: surroundings.clock.nowMillis(), ...options, owner }),
  }
}

/**
 * Writes a file so that readers see the old one or the new one, never a part: to a temporary name beside the target,
 * its length checked, then renamed over the target. Returns the status of the file that it put at `path`.
 *
 * `content` is called once an attempt; after an attempt whose outcome is doubtful the next one takes a new temporary
 * name, because on HDFS a given-up write can still happen and replace a file of the old one. A failure of the content
 * itself is thrown as it is, and not tried again. A failure or a cancel leaves the old file, and no temporary where the
 * storage still answers.
 *
 * Errors: those of Storage.create and rename; DATA_LOST where the storage keeps another length than it was given.
 */
export async function publish(
  storage: Storage,
  path: string,
  content: () => Content,
  layout: FileLayout,
  options: PublishOptions,
): Promise<FileStatus> {
  return await publishBy('rename', storage, path, content, layout, options)
}

/**
 * As publish(), but only where nothing is at `path`: CONFLICT otherwise. Of several that publish to one path at the same time, in whatever
 * processes, exactly one succeeds, and what it published stays. A rename whose answer was lost is recognised as ours by the file's id.
 */
export async function publishNew(
  storage: Storage,
  path: string,
  content: () => Content,
  layout: FileLayout,
  options: PublishOptions,
): Promise<FileStatus> {
  return await publishBy('renameNew', storage, path, content, layout, options)
}

async function publishBy(
  rename: 'rename' | 'renameNew',
  storage: Storage,
  path: string,
  content: () => Content,
  layout: FileLayout,
  { call = {}, surroundings = REAL, ...options }: PublishOptions,
): Promise<FileStatus> {
  const task = { ...options, storage, path, content, layout, call, surroundings }
  const temporary = await again(task, () => writeTemporary(task))
  try {
    await again(task, () => renameOnce(rename, task, temporary))
  } catch (error) {
    await removeQuietly(task, temporary.path, false)
    throw error
  }
  return { ...temporary, path }
}

/** One publish, with all that its steps need. */
interface Task extends Omit<PublishOptions, 'call' | 'surroundings'> {
  storage: Storage
  path: string
  content: () => Content
  layout: FileLayout
  call: Call
  surroundings: Surroundings
}

async function writeTemporary(task: Task): Promise<FileStatus> {
  const { storage, path, content, layout, length, owner, check, call, surroundings } = task
  const temporary = childOf(parentOf(path), temporaryName(nameOf(path), owner, surroundings.newId()))
  let bytes = 0
  async function* counted() {
    try {
      for await (const chunk of content()) {
        bytes += chunk.length
        yield chunk
      }
    } catch (error) {
      throw new ContentError(error)
    }
  }
  try {
    await storage.create(temporary, counted(), layout, call)
    if (length !== undefined && bytes !== length) {
      throw new ContentError(
        new MillraceError('INTERNAL', `expected ${length} bytes to write to ${quoted(path)}, the content had ${bytes}`),
      )
    }
    const status = await storage.stat(temporary, call)
    if (status.length !== bytes) {
      throw new MillraceError(
        'DATA_LOST',
        `expected ${bytes} bytes at ${quoted(temporary)} after writing them, found ${status.length}`,
        { hint: 'The write was cut off on its way; try again.' },
      )
    }
    await check?.(status)
    return status
  } catch (error) {
    await removeQuietly(task, temporary, !hasCode(error, 'FORBIDDEN', 'BAD_USER_INPUT', 'NOT_FOUND'))
    throw error
  }
}

/** A rename whose answer was lost may have happened: then the target is the very file that the temporary was. */
async function renameOnce(rename: 'rename' | 'renameNew', task: Task, temporary: FileStatus): Promise<void> {
  const { storage, path, call } = task
  try {
    await storage[rename](temporary.path, path, call)
  } catch (error) {
    if (!hasCode(error, 'UNAVAILABLE', 'NOT_FOUND', 'CONFLICT')) throw error
    const target = await storage.stat(path, call).catch(() => undefined)
    if (target?.fileId !== temporary.fileId) throw error
  }
}

/** Tries again what failed for want of an answer, with a pause that doubles; never what its own content failed. */
async function again<T>({ call, retryForMillis = 0, surroundings }: Task, step: () => Promise<T>): Promise<T> {
  const { clock } = surroundings
  const until = clock.nowMillis() + retryForMillis
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step()
    } catch (error) {
      call.signal?.throwIfAborted()
      const worthIt = attempt < ATTEMPTS || clock.nowMillis() < until
      if (!worthIt || !hasCode(error, 'UNAVAILABLE', 'DATA_LOST')) throw unwrapped(error)
      await clock.pause(Math.min(FIRST_PAUSE_MILLIS * 2 ** (attempt - 1), LONGEST_PAUSE_MILLIS), call.signal)
    }
  }
}

/** Keeps a failure of the content, UNAVAILABLE of a database for example, apart from one of the storage. */
class ContentError extends Error {
  constructor(cause: unknown) {
    super('the content of a file being written failed', { cause })
    this.name = 'ContentError'
  }
}

function unwrapped(error: unknown): unknown {
  return error instanceof ContentError ? error.cause : error
}

/**
 * With its own short deadline and never with the caller's signal, which may be why the temporary is abandoned. A DataNode
 * may make the file only after the write was given up, so one that is not there yet is looked for a little longer.
 */
async function removeQuietly(
  { storage, surroundings: { clock } }: Task,
  path: string,
  maybeLater: boolean,
): Promise<void> {
  const call = { signal: clock.deadline(CLEAN_UP_MILLIS) }
  try {
    for (const pauseMillis of maybeLater ? LOOK_AGAIN_MILLIS : []) {
      if (await exists(storage, path, call)) break
      await clock.pause(pauseMillis, call.signal)
    }
    await storage.remove(path, call)
  } catch {
    // The error that led here is the one to tell of; the sweep gets what is left.
  }
}

async function exists(storage: Storage, path: string, call: Call): Promise<boolean> {
  try {
    await storage.stat(path, call)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const OWNER = '[A-Za-z0-9_-]{1,64}'
const TEMPORARY = new RegExp(`^\\.(?<name>.+)\\.(?<owner>${OWNER})\\.(?<uuid>${UUID})\\.tmp$`, 'su')
/** Names may have 255 bytes; a temporary's has some 100 beside the start of the target's. */
const NAME_BYTES = 120

/** ".<name>.<owner>.<uuid>.tmp", with no more than the start of a long name. INTERNAL for an owner of other characters. */
export function temporaryName(name: string, owner: string, uuid: string): string {
  if (!new RegExp(`^${OWNER}$`).test(owner)) {
    throw new MillraceError(
      'INTERNAL',
      `expected an owner of 1 to 64 letters, digits, "-" and "_", got ${quoted(owner)}`,
    )
  }
  let start = ''
  for (const character of name) {
    if (Buffer.byteLength(start + character) > NAME_BYTES) break
    start += character
  }
  return `.${start}.${owner}.${uuid}.tmp`
}

/** undefined for a name that no temporary has. */
export function parseTemporaryName(name: string): { name: string; owner: string; uuid: string } | undefined {
  const { groups } = TEMPORARY.exec(name) ?? {}
  return groups && { name: groups.name!, owner: groups.owner!, uuid: groups.uuid! }
}

/** Removes whatever anybody has half-written of one file or folder: who still writes it can no longer put it there. */
export async function removeTemporaries(storage: Storage, path: string, call: Call = {}): Promise<void> {
  for (const { path: found } of await storage.list(parentOf(path), call)) {
    const start = parseTemporaryName(nameOf(found))?.name
    if (start !== undefined && nameOf(path).startsWith(start)) await storage.remove(found, call)
  }
}

export interface SweepOptions {
  /** Its temporaries go at once: call it when the process that made them is gone, before publishing anything. */
  owner: string
  /** Anybody's temporaries go when they are older: longer than any write takes. HDFS counts from a file's creation. */
  olderThanMillis?: number
  nowMillis?: number
  call?: Call
}

/** Removes temporaries that their writers left behind in a folder; returns their paths. */
export async function sweepTemporaries(
  storage: Storage,
  folder: string,
  { owner, olderThanMillis = DEFAULT_OLDER_THAN_MILLIS, nowMillis = Date.now(), call = {} }: SweepOptions,
): Promise<string[]> {
  const swept: string[] = []
  for (const { path, kind, modifiedAtMillis } of await storage.list(folder, call)) {
    const temporary = parseTemporaryName(nameOf(path))
    if (kind !== 'file' || !temporary) continue
    if (temporary.owner !== owner && modifiedAtMillis > nowMillis - olderThanMillis) continue
    await storage.remove(path, call)
    swept.push(path)
  }
  return swept
}
