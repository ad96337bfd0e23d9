import type { Consumer } from '@platformatic/kafka'
import { pause } from '../abortable.ts'
import { type Membership, type MembershipEvents, notOwned } from '../logGroup.ts'
import { backOffMillis } from './clients.ts'
import { explainKafkaError, hasKafkaCode, isTransient } from './errors.ts'
import type { KafkaSession } from './session.ts'

export interface KafkaMembershipParts {
  session: KafkaSession
  topic: string
  groupId: string
  sessionTimeoutMillis: number
  /** For an answer of the group's coordinator, beyond what a rebalance may take. */
  deadlineMillis: number
}

/** What the group knows the member by; a commit with another is refused, which keeps out who was away too long. */
interface Generation {
  memberId: string
  generationId: number
}

/** The answers that say that the group has moved on. */
const MOVED_ON = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID']

/** A member by Kafka's classic protocol with cooperative, sticky assignment: who stays keeps what it has as far as shares allow. */
export async function joinKafkaGroup(parts: KafkaMembershipParts, events: MembershipEvents): Promise<Membership> {
  const { session, topic, groupId, sessionTimeoutMillis, deadlineMillis } = parts
  const consumer = session.open(() => session.clients.member(groupId, sessionTimeoutMillis))
  // The member's own client answers a refused commit by joining again and committing once more, for a partition that may be another's by now. This one does not.
  const committer = session.open(() => session.clients.committer(groupId))
  const left = new AbortController()
  const gone = AbortSignal.any([left.signal, session.closed])
  let current: Generation | undefined
  let joining = true

  /** Before anything else can run: from here on commits are of this generation, and the partitions those that it gave. */
  function report(): void {
    const { memberId, generationId } = consumer
    if (memberId === null) return
    const anew = current !== undefined && current.memberId !== memberId
    current = { memberId, generationId }
    events.changed(partitionsOf(consumer, topic), anew)
  }

  /** Over and over: a coordinator that is starting, or has moved, says no at first. */
  async function joinAtLast(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      gone.throwIfAborted()
      try {
        await consumer.joinGroup({})
        return
      } catch (error) {
        if (!isTransient(error) && !hasKafkaCode(error, ...MOVED_ON)) throw error
      }
      await pause(backOffMillis(attempt), gone)
    }
  }

  /** The client gives up joining after some failures, and then sends no heartbeats. */
  async function rejoin(): Promise<void> {
    if (joining) return
    joining = true
    try {
      await joinAtLast()
    } catch (error) {
      if (!gone.aborted) events.failed(explainKafkaError(error, session.url, topic))
    } finally {
      joining = false
    }
  }

  consumer.topics.track(topic)
  consumer.on('consumer:group:join', report)
  consumer.on('consumer:group:rebalance', report)
  consumer.on('consumer:heartbeat:stalled', () => void rejoin())
  consumer.on('error', () => void rejoin())
  session.closed.addEventListener('abort', () => events.failed(session.closed.reason), { signal: left.signal })

  const limits = { millis: deadlineMillis, topic }
  try {
    await session.answered(joinAtLast, limits)
  } catch (error) {
    left.abort()
    await Promise.all([session.discard(consumer), session.discard(committer)])
    throw error
  } finally {
    joining = false
  }

  return {
    async committed(partitions) {
      const asked = () => consumer.listCommittedOffsets({ topics: [{ topic, partitions: [...partitions] }] })
      const offsets = (await session.answered(asked, limits)).get(topic)
      return partitions.map(partition => knownOffset(offsets?.[partition]))
    },

    async commit(offsets, stillOwn, call) {
      const committing = offsets.map(({ partition, offset }) => ({
        topic,
        partition,
        offset: BigInt(offset),
        leaderEpoch: -1,
      }))
      const given = { up: false }
      try {
        await session.answered(
          async () => {
            for (let attempt = 0; !given.up; attempt += 1) {
              const partitions = offsets.map(({ partition }) => partition)
              if (!stillOwn()) throw notOwned(topic, partitions)
              Object.assign(committer, current)
              try {
                await committer.commit({ offsets: committing })
                return
              } catch (error) {
                if (!isTransient(error) && !hasKafkaCode(error, ...MOVED_ON)) throw error
              }
              // Until the member has joined again, and knows what is its own.
              await pause(backOffMillis(attempt), gone)
            }
          },
          { ...limits, call },
        )
      } finally {
        given.up = true
      }
    },

    async leave() {
      left.abort()
      try {
        await session.answered(() => leave(consumer), limits)
      } finally {
        await Promise.all([session.discard(consumer), session.discard(committer)])
      }
    },
  }
}

function leave(consumer: Consumer): Promise<void> {
  return new Promise((resolve, reject) => {
    consumer.leaveGroup(true, error => (error ? reject(error) : resolve()))
  })
}

function partitionsOf({ assignments }: Consumer, topic: string): number[] {
  return assignments?.find(assignment => assignment.topic === topic)?.partitions ?? []
}

/** Kafka says -1 where nothing was committed. */
function knownOffset(offset: bigint | undefined): number | undefined {
  return offset === undefined || offset < 0n ? undefined : Number(offset)
}
