import { hasCode, MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { type Clock, systemClock } from './clock.ts'
import { createPublisher } from './publish.ts'
import type { FileLayout, FileStatus, Storage } from './storage.ts'
import { childOf, nameOf } from './storagePath.ts'

/**
 * The right to do one kind of work on a storage, held by one process at a time among all that share it. It is a numbered file: the highest number is the
 * present holder's, its modification time the last sign of life. Taking it publishes the next number, which exactly one of several can; all times are the
 * storage's own, so that clocks of machines need not agree. The highest number stays for ever, so that one who wakes up late never finds his own there.
 */
export interface Lease {
  /** Aborted, with the CONFLICT to tell, as soon as it shows that another has taken over. */
  readonly lost: AbortSignal
  /** CONFLICT where another has taken over. It holds for files written before: see takeLease. */
  confirm(call?: Call): Promise<void>
  /** Lets go, at once where the storage answers, after `lifeMillis` otherwise. Never rejects. */
  release(): Promise<void>
}

export interface LeaseOptions {
  storage: Storage
  /** A folder of the lease's own. */
  folder: string
  /** Of this process, by its data directory: what an earlier process of the same owner held is taken over at once. */
  owner: string
  /** What the lease is for, to follow "Another server is": "moving the archive". */
  work: string
  /** Without a sign of life for so long, others may take over. */
  lifeMillis?: number
  clock?: Clock
}

interface Held {
  owner: string
  released: boolean
}

export const LEASE_LIFE_MILLIS = 30_000
/** Signs of life in one life: some may be lost. */
const SIGNS_PER_LIFE = 6
const RELEASE_MILLIS = 2_000
const LAYOUT: FileLayout = { replication: 2, blockBytes: 1 << 20 }
const NAME = /^\d{12}\.json$/

/**
 * CONFLICT where another holds it, and its errors are those of the storage. To fence off a holder that was taken for dead: after taking the lease, remove the
 * temporaries of the target; before renaming one, confirm. Then a rename of the old holder happens before the removal, or finds nothing to rename.
 */
export async function takeLease(options: LeaseOptions, call: Call = {}): Promise<Lease> {
  const { storage, folder, owner, work, lifeMillis = LEASE_LIFE_MILLIS, clock = systemClock } = options
  const publisher = createPublisher(storage, owner)
  const newest = (await leases(storage, folder, call)).at(-1)
  const holder = newest && (await readHeld(storage, newest, call))
  const isFree = !holder || holder.released || holder.owner === owner
  const number = (newest ? numberOf(newest) : 0) + 1
  const path = childOf(folder, `${String(number).padStart(12, '0')}.json`)
  const text = (released: boolean) => [Buffer.from(`${JSON.stringify({ owner, released } satisfies Held)}\n`)]

  let refusal: MillraceError | undefined
  /** What was written just now tells the storage's time. */
  const check = async ({ modifiedAtMillis }: FileStatus) => {
    const silentMillis = isFree ? Infinity : modifiedAtMillis - newest!.modifiedAtMillis
    if (silentMillis >= lifeMillis) return
    refusal = heldByAnother(work, lifeMillis - silentMillis)
    throw refusal
  }
  try {
    await publisher.publishNew(path, () => text(false), LAYOUT, { check, call })
  } catch (error) {
    throw error !== refusal && hasCode(error, 'CONFLICT') ? heldByAnother(work, lifeMillis) : error
  }

  const lost = new AbortController()
  const ended = new AbortController()
  const alive = keepAlive()

  async function confirm(own: Call = {}): Promise<void> {
    lost.signal.throwIfAborted()
    const latest = (await leases(storage, folder, own)).at(-1)
    if (latest?.path === path) return
    const error = takenOver(work)
    lost.abort(error)
    throw error
  }

  async function keepAlive(): Promise<void> {
    await removeOlder()
    const over = AbortSignal.any([ended.signal, lost.signal])
    while (!over.aborted) {
      try {
        await clock.pause(lifeMillis / SIGNS_PER_LIFE, over)
        const signal = AbortSignal.any([over, clock.deadline(lifeMillis)])
        await confirm({ signal })
        await publisher.publish(path, () => text(false), LAYOUT, { call: { signal } })
      } catch {
        // The storage does not answer now; what counts is whether it has given the lease to another, and confirm() asks that.
      }
    }
  }

  async function removeOlder(): Promise<void> {
    try {
      const signal = AbortSignal.any([ended.signal, clock.deadline(lifeMillis)])
      const older = (await leases(storage, folder, { signal })).filter(status => numberOf(status) < number)
      for (const status of older) await storage.remove(status.path, { signal })
      await publisher.sweep(folder, { call: { signal } })
    } catch {
      // They cost space only; whoever is next removes them.
    }
  }

  return {
    lost: lost.signal,
    confirm,
    async release() {
      if (ended.signal.aborted) return
      ended.abort()
      await alive // a sign of life on its way would hide the end
      if (lost.signal.aborted) return
      try {
        const call = { signal: clock.deadline(RELEASE_MILLIS) }
        await confirm(call)
        await publisher.publish(path, () => text(true), LAYOUT, { call })
      } catch {
        // It runs out by itself.
      }
    },
  }
}

/** Ascending. */
async function leases(storage: Storage, folder: string, call: Call): Promise<FileStatus[]> {
  return (await storage.list(folder, call)).filter(({ path, kind }) => kind === 'file' && NAME.test(nameOf(path)))
}

function numberOf({ path }: FileStatus): number {
  return Number.parseInt(nameOf(path), 10)
}

/** undefined where the file is gone, garbled or lost with its DataNodes: its age counts then as if nobody had said who it is. */
async function readHeld(storage: Storage, { path, length }: FileStatus, call: Call): Promise<Held> {
  const unknown = { owner: '', released: false }
  try {
    const text = Buffer.from(await storage.read(path, { offset: 0, length }, call)).toString('utf8')
    const held: unknown = JSON.parse(text)
    return isHeld(held) ? held : unknown
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, 'NOT_FOUND', 'DATA_LOST')) return unknown
    throw error
  }
}

function isHeld(value: unknown): value is Held {
  return (
    typeof value === 'object' &&
    value !== null &&
    'owner' in value &&
    typeof value.owner === 'string' &&
    'released' in value &&
    typeof value.released === 'boolean'
  )
}

function heldByAnother(work: string, forMillis: number): MillraceError {
  const seconds = Math.max(1, Math.ceil(forMillis / 1000))
  return new MillraceError('CONFLICT', `Another server is ${work} on this storage already.`, {
    hint: `Wait until it is done; should it have died, the storage is free again in ${seconds} s.`,
  })
}

function takenOver(work: string): MillraceError {
  return new MillraceError('CONFLICT', `Another server has begun ${work}, because this one gave no sign of life.`, {
    hint: 'Nothing of this attempt is in the storage; look at what the other one did, and repeat if need be.',
  })
}
