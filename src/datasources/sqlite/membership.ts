import { randomUUID } from 'node:crypto'
import { hasCode } from '../../errors.ts'
import type { Call } from '../call.ts'
import { noSuchTopic } from '../logErrors.ts'
import { type Membership, type MembershipEvents, notOwned } from '../logGroup.ts'
import type { LogFile, Topic } from './logFile.ts'

export interface SqliteMembershipParts {
  topic: string
  groupId: string
  sessionMillis: number
  /** Milliseconds since 1970. */
  clock: () => number
  /** Runs a transaction; see sqliteLog.ts. */
  write: <T>(work: (log: LogFile) => T, call?: Call) => Promise<T>
  /** Aborted when the log is closed. */
  closed: AbortSignal
}

/** How soon members see that others came, went or are silent. */
const LONGEST_BEAT_MILLIS = 500

/**
 * A member of a group in the file. There is nobody who hands partitions out: at each beat a member puts out those who are silent, frees what is
 * more than its share, and takes what is free. All of it in one transaction, so that a partition never has two owners; and a commit is
 * refused in the same transaction that finds another owner.
 */
export async function joinSqliteGroup(parts: SqliteMembershipParts, events: MembershipEvents): Promise<Membership> {
  const { topic, groupId, sessionMillis, clock, write, closed } = parts
  let memberId = randomUUID()
  let known: readonly number[] = []
  const left = new AbortController()
  let ended = false
  let timer: NodeJS.Timeout | undefined

  /** Joins where it is not in the group, which was silent for too long where it had been. */
  function beat(log: LogFile): { all: number[]; anew: boolean } {
    const found = findTopic(log, topic)
    const now = Math.round(clock())
    log.groups.expire(groupId, found, now)
    const stayed = log.groups.beat(memberId, now)
    if (!stayed) memberId = randomUUID()
    const member = { id: memberId, groupId, topicId: found.id, sessionMillis }
    if (!stayed) log.groups.join(member, now)
    const partitions = log.groups.share(member, found)
    return { all: partitions.map(partition => found.partitions.indexOf(partition)), anew: !stayed }
  }

  async function keepUp(): Promise<void> {
    try {
      const { all, anew } = await write(beat)
      if (ended) return
      const same = all.length === known.length && all.every(partition => known.includes(partition))
      known = all
      if (anew || !same) events.changed(all, anew)
    } catch (error) {
      // A file that is locked, or full, is tried again at the next beat; the session may end meanwhile, and the beat will say so.
      if (!ended && !hasCode(error, 'UNAVAILABLE')) {
        end()
        events.failed(error)
        return
      }
    }
    schedule()
  }

  function schedule(): void {
    if (!ended) timer = setTimeout(() => void keepUp(), Math.min(LONGEST_BEAT_MILLIS, Math.ceil(sessionMillis / 4)))
  }

  function end(): void {
    ended = true
    clearTimeout(timer)
  }

  const first = await write(beat)
  known = first.all
  events.changed(first.all, false)
  schedule()
  closed.addEventListener(
    'abort',
    () => {
      end()
      events.failed(closed.reason)
    },
    { signal: left.signal },
  )

  return {
    committed: partitions =>
      write(log => {
        const found = findTopic(log, topic)
        return partitions.map(partition => log.groups.committed(groupId, found.partitions[partition]!))
      }),

    async commit(offsets, _stillOwn, call) {
      const asWhom = memberId
      await write(log => {
        const found = findTopic(log, topic)
        const places = offsets.map(({ partition, offset }) => ({ partition, offset, id: found.partitions[partition]! }))
        const lost = places.filter(({ id }) => log.groups.ownerOf(groupId, id) !== asWhom)
        if (lost.length > 0)
          throw notOwned(
            topic,
            lost.map(({ partition }) => partition),
          )
        for (const { id, offset } of places) log.groups.commit(groupId, id, offset)
      }, call)
    },

    async leave() {
      end()
      left.abort()
      await write(log => log.groups.leave(memberId))
    },
  }
}

function findTopic(log: LogFile, topic: string): Topic {
  const found = log.findTopic(topic)
  if (!found) throw noSuchTopic(topic)
  return found
}
