import { hasCode, MillraceError } from '../errors.ts'
import { abortable } from './abortable.ts'
import type { Call } from './call.ts'
import type {
  AssignedPartition,
  Fetched,
  FetchFrom,
  GroupEvent,
  LogGroup,
  OffsetRange,
  PartitionOffset,
} from './log.ts'

/** A place in a group, as a keeper has it. */
export interface Membership {
  /** What the group has committed; undefined where nothing. */
  committed(partitions: readonly number[]): Promise<(number | undefined)[]>
  /** CONFLICT where a partition is another's; `stillOwn` says whether all are this member's, as far as it knows by now. */
  commit(offsets: readonly PartitionOffset[], stillOwn: () => boolean, call?: Call): Promise<void>
  leave(): Promise<void>
}

export interface MembershipEvents {
  /** `all` are this member's now. `anew`: it was out in between, so that it lost what it had, also what it has again. */
  changed(all: readonly number[], anew: boolean): void
  /** The membership is over. */
  failed(error: unknown): void
}

export interface LogGroupParts {
  topic: string
  join: (events: MembershipEvents) => Promise<Membership>
  fetch: (partition: number, from: FetchFrom, call: Call) => Promise<Fetched>
  rangeOf: (partition: number) => Promise<OffsetRange>
}

/** How long a fetch in the background waits; it goes on over many calls of next(). */
const FETCH_WAIT_MILLIS = 10_000

interface Owned {
  partition: number
  revoked: AbortController
  /** Undefined until the member has been told that it has the partition. */
  offset: number | undefined
  fetching: boolean
  /** At most one answer a partition is held, beside the one that was given out last. */
  ready: Fetched | undefined
  failure: unknown
}

/** Reads the partitions of one member side by side. The same for every keeper. */
export async function openLogGroup({ topic, join, fetch, rangeOf }: LogGroupParts): Promise<LogGroup> {
  // In the order in which they are looked at: who was served goes to the end.
  const owned = new Map<number, Owned>()
  const untoldLosses: number[] = []
  const over = new AbortController()
  let changed = Promise.withResolvers<void>()

  function wake(): void {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  function lose(one: Owned): void {
    owned.delete(one.partition)
    if (one.offset !== undefined) untoldLosses.push(one.partition)
    one.revoked.abort(notOwned(topic, [one.partition]))
  }

  const membership = await join({
    changed(all, anew) {
      for (const one of owned.values()) if (anew || !all.includes(one.partition)) lose(one)
      for (const partition of all) if (!owned.has(partition)) owned.set(partition, unread(partition))
      wake()
    },
    failed(error) {
      for (const one of owned.values()) lose(one)
      over.abort(error)
      wake()
    },
  })

  async function assign(): Promise<AssignedPartition[]> {
    const untold = [...owned.values()].filter(({ offset }) => offset === undefined)
    if (untold.length === 0) return []
    const committed = await membership.committed(untold.map(({ partition }) => partition))
    await Promise.all(
      untold.map(async (one, index) => {
        one.offset = committed[index] ?? (await rangeOf(one.partition)).begin
      }),
    )
    // Some may have gone meanwhile: nobody need hear of them.
    return untold
      .filter(({ revoked }) => !revoked.signal.aborted)
      .map(({ partition, offset, revoked }) => ({ partition, offset: offset!, revoked: revoked.signal }))
  }

  function startFetching(one: Owned, maxBytes: number): void {
    if (one.offset === undefined || one.fetching || one.ready || one.failure !== undefined) return
    one.fetching = true
    const from = { offset: one.offset, maxBytes, waitMillis: FETCH_WAIT_MILLIS }
    fetch(one.partition, from, { signal: one.revoked.signal })
      .then(
        fetched => {
          one.offset = fetched.nextOffset
          if (fetched.records.length > 0) one.ready = fetched
        },
        (error: unknown) => {
          one.failure = error
        },
      )
      .finally(() => {
        one.fetching = false
        wake()
      })
  }

  function takeRecords(): GroupEvent | undefined {
    const one = [...owned.values()].find(({ ready }) => ready)
    if (!one?.ready) return undefined
    const { records, nextOffset } = one.ready
    one.ready = undefined
    owned.delete(one.partition)
    owned.set(one.partition, one)
    return { kind: 'records', partition: one.partition, records, nextOffset }
  }

  async function throwFailure(): Promise<void> {
    const one = [...owned.values()].find(({ failure }) => failure !== undefined)
    if (!one) return
    const { failure } = one
    one.failure = undefined
    if (hasCode(failure, 'DATA_LOST')) one.offset = (await rangeOf(one.partition)).begin
    throw failure
  }

  return {
    async next({ maxBytes, waitMillis }, call = {}) {
      const deadline = performance.now() + waitMillis
      for (;;) {
        call.signal?.throwIfAborted()
        // Asked for before looking, so that no change falls in between.
        const change = changed.promise
        over.signal.throwIfAborted()
        if (untoldLosses.length > 0) return { kind: 'revoked', partitions: untoldLosses.splice(0).sort(ascending) }
        const partitions = await assign()
        if (partitions.length > 0) return { kind: 'assigned', partitions }
        const records = takeRecords()
        if (!records) await throwFailure()
        // Of the partition that is served now, too: its next records come while the caller works on these.
        for (const one of owned.values()) startFetching(one, maxBytes)
        if (records) return records
        const leftMillis = deadline - performance.now()
        if (leftMillis <= 0) return null
        await withinMillis(change, leftMillis, call.signal)
      }
    },

    async commit(offsets, call) {
      over.signal.throwIfAborted()
      const partitions = offsets.map(({ partition }) => partition)
      const own = partitions.map(partition => owned.get(partition))
      const stillOwn = () =>
        own.every(one => one !== undefined && one.offset !== undefined && !one.revoked.signal.aborted)
      if (!stillOwn()) throw notOwned(topic, partitions)
      await membership.commit(offsets, stillOwn, call)
    },

    async leave() {
      for (const one of owned.values()) lose(one)
      over.abort(new MillraceError('CONFLICT', `This member has left the group of the topic "${topic}".`))
      wake()
      await membership.leave()
    },
  }
}

export function notOwned(topic: string, partitions: readonly number[]): MillraceError {
  return new MillraceError(
    'CONFLICT',
    `Expected partition ${partitions.join(', ')} of the topic "${topic}" to belong to this member, but the group gave it to another.`,
    { hint: 'Drop what was read of it: the new owner begins at what was committed.' },
  )
}

function unread(partition: number): Owned {
  return {
    partition,
    revoked: new AbortController(),
    offset: undefined,
    fetching: false,
    ready: undefined,
    failure: undefined,
  }
}

async function withinMillis(change: Promise<void>, millis: number, signal: AbortSignal | undefined): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, millis)
  try {
    await abortable(Promise.race([change, late.promise]), signal)
  } finally {
    clearTimeout(timer)
  }
}

function ascending(one: number, other: number): number {
  return one - other
}
