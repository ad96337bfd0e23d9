import { randomUUID } from 'node:crypto'
import { hasCode, MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { type Clock, systemClock } from './clock.ts'
import type { FileStatus, Storage } from './storage.ts'
import { childOf, nameOf, parentOf, quoted } from './storagePath.ts'

/**
 * Replaces a file or a folder by another one of either kind. A storage replaces a file by a file in one step, and nothing else. So the
 * old one is first moved aside, to a name that says of what it is, and then the new one gets the name:
 *
 *     .<name>.<uuid>.aside     the old one, from the first step until the new one is there
 *
 * Who looks with statSwapped() finds the old one or the new one at each moment, and so does everybody after a process died in between;
 * others find nothing for the time of one rename. One process at a time may swap a path: hold a lease.
 */

/** How often a rename is tried whose answer was lost. */
const ATTEMPTS = 3
const FIRST_PAUSE_MILLIS = 200
const LONGEST_PAUSE_MILLIS = 2_000
/** Once the old one is aside nobody's signal stops the rest; this is for one that hangs. */
const FINISH_MILLIS = 60_000
/** A swap may end between two looks, and the next one begin: more often than this is no coincidence. */
const LOOKS = 3

export interface SwapOptions {
  /** Asked right before the first step; what it throws leaves all as it was. */
  check?: () => Promise<void>
  /** Each step is tried again for so long where the storage does not answer: while it is restarted, say. Three times in any case. */
  retryForMillis?: number
  call?: Call
  clock?: Clock
}

/**
 * Puts what lies at `from` at `path`, over a file or folder that may be there. Errors as in Storage.rename; the old one is at `path` then,
 * or where statSwapped() finds it.
 */
export async function swap(storage: Storage, from: string, path: string, options: SwapOptions = {}): Promise<void> {
  const { check, retryForMillis = 0, call = {}, clock = systemClock } = options
  const patience = { clock, retryForMillis }
  const [fresh, old] = await Promise.all([storage.stat(from, call), statOrNothing(storage, path, call)])
  await check?.()
  if (!old || (old.kind === 'file' && fresh.kind === 'file')) return await move(storage, fresh, path, call, patience)

  const finish = { signal: clock.deadline(FINISH_MILLIS + retryForMillis) }
  const aside = childOf(parentOf(path), `.${nameOf(path)}.${randomUUID()}.aside`)
  await move(storage, old, aside, finish, patience)
  try {
    await move(storage, fresh, path, finish, patience)
  } catch (error) {
    // Where this fails too, statSwapped() and settleSwap() know what it is.
    await move(storage, { ...old, path: aside }, path, finish, patience).catch(() => undefined)
    throw error
  }
  await storage.remove(aside, finish).catch(() => undefined)
}

/** The status of what `path` stands for: it lies there, or aside while it is being replaced. NOT_FOUND where there is neither. */
export async function statSwapped(storage: Storage, path: string, call: Call = {}): Promise<FileStatus> {
  for (let look = 1; ; look++) {
    try {
      return await storage.stat(path, call)
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
      const [aside] = await listAside(storage, path, call)
      if (aside) return aside
      if (look === LOOKS) throw error
    }
  }
}

/** Finishes what a process left that died while it replaced `path`: what is aside goes back, or goes away where `path` is there. */
export async function settleSwap(storage: Storage, path: string, call: Call = {}): Promise<void> {
  const [latest, ...others] = await listAside(storage, path, call)
  if (!latest) return
  if (await statOrNothing(storage, path, call)) others.push(latest)
  else await storage.rename(latest.path, path, call)
  for (const { path: found } of others) await storage.remove(found, call)
}

/** The latest first. */
async function listAside(storage: Storage, path: string, call: Call): Promise<FileStatus[]> {
  const start = `.${nameOf(path)}.`
  const found = (await storage.list(parentOf(path), call)).filter(status => {
    const name = nameOf(status.path)
    return name.startsWith(start) && /^[0-9a-f-]{36}\.aside$/.test(name.slice(start.length))
  })
  return found.sort((one, other) => other.modifiedAtMillis - one.modifiedAtMillis)
}

/** A rename whose answer was lost may have happened: then `to` has the id that `from` had. */
async function move(
  storage: Storage,
  from: FileStatus,
  to: string,
  call: Call,
  { clock, retryForMillis }: { clock: Clock; retryForMillis: number },
): Promise<void> {
  const until = clock.nowMillis() + retryForMillis
  for (let attempt = 1; ; attempt++) {
    try {
      return await storage.rename(from.path, to, call)
    } catch (error) {
      call.signal?.throwIfAborted()
      const there = await statOrNothing(storage, to, call).catch(() => undefined)
      if (there?.fileId === from.fileId) return
      const worthIt = attempt < ATTEMPTS || clock.nowMillis() < until
      if (!worthIt || !hasCode(error, 'UNAVAILABLE')) throw moveError(error, from.path, to)
      await clock.pause(Math.min(FIRST_PAUSE_MILLIS * 2 ** (attempt - 1), LONGEST_PAUSE_MILLIS), call.signal)
    }
  }
}

function moveError(error: unknown, from: string, to: string): unknown {
  if (!hasCode(error, 'NOT_FOUND')) return error
  return new MillraceError('NOT_FOUND', `Expected ${quoted(from)} to be there to be moved to ${quoted(to)}.`, {
    cause: error,
  })
}

async function statOrNothing(storage: Storage, path: string, call: Call): Promise<FileStatus | undefined> {
  try {
    return await storage.stat(path, call)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
