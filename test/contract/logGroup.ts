import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import type { GroupEvent, Log, LogGroup, LogProducer } from '../../src/datasources/log.ts'
import { text, textOf } from './log.ts'

const SESSION_MILLIS = 2_000
const PROGRAM = join(import.meta.dirname, '..', 'setup', 'logMember.ts')

/** What every keeper's groups must do. */
export function testLogGroups(name: string, open: () => Promise<Log>): void {
  describe(name, () => {
    let log: Log
    let producer: LogProducer
    const topics: string[] = []
    const processes: MemberProcess[] = []

    beforeAll(async () => {
      log = await open()
      producer = log.producer()
    })
    afterEach(async () => {
      await Promise.all(processes.splice(0).map(member => member.kill()))
    })
    afterAll(async () => {
      await producer.close()
      for (const topic of topics) await log.removeTopic(topic)
      await log.close()
    })

    /** A topic of `partitions`, with `count` records, all numbered, in turns. */
    async function newTopic(partitions: number, count: number): Promise<string> {
      const topic = `group-${randomUUID()}`
      topics.push(topic)
      await log.createTopic(topic, { partitions, replication: 1 })
      await send(topic, partitions, 0, count)
      return topic
    }
    const send = (topic: string, partitions: number, first: number, count: number) =>
      producer.send(
        topic,
        Array.from({ length: count }, (_, index) => ({
          ...text('k', String(first + index)),
          partition: (first + index) % partitions,
        })),
      )
    const joinGroup = (topic: string, groupId: string) =>
      log.group(topic, { groupId, sessionTimeoutMillis: SESSION_MILLIS })
    const startMember = (topic: string, groupId: string) => {
      const member = memberProcess([log.url, topic, groupId, String(SESSION_MILLIS)])
      processes.push(member)
      return member
    }

    test('a member alone has all partitions, and reads each in order from the beginning', async () => {
      const topic = await newTopic(3, 30)
      const group = await joinGroup(topic, 'alone')
      const first = await nextEvent(group)
      expect(first).toMatchObject({ kind: 'assigned' })
      expect(first.kind === 'assigned' && first.partitions.map(({ partition, offset }) => [partition, offset])).toEqual(
        [
          [0, 0],
          [1, 0],
          [2, 0],
        ],
      )
      const values = await readValues(group, 30)
      for (const partition of [0, 1, 2]) {
        expect(values.filter(value => value % 3 === partition)).toEqual(
          Array.from({ length: 10 }, (_, index) => index * 3 + partition),
        )
      }
      expect(await group.next({ maxBytes: 1_000, waitMillis: 200 })).toBeNull()
      await group.leave()
    })

    test('gets what is sent while it waits', async () => {
      const topic = await newTopic(1, 0)
      const group = await joinGroup(topic, 'waiting')
      await nextEvent(group)
      const waiting = group.next({ maxBytes: 1_000, waitMillis: 20_000 })
      await send(topic, 1, 0, 1)
      expect(await waiting).toMatchObject({ kind: 'records', partition: 0, nextOffset: 1 })
      await group.leave()
    })

    test('goes on where the group has committed, not where a member has read', async () => {
      const topic = await newTopic(1, 10)
      const before = await joinGroup(topic, 'again')
      await nextEvent(before)
      await readValues(before, 10)
      await before.commit([{ partition: 0, offset: 4 }])
      await before.leave()
      const after = await joinGroup(topic, 'again')
      expect(await nextEvent(after)).toMatchObject({ kind: 'assigned', partitions: [{ partition: 0, offset: 4 }] })
      expect(await readValues(after, 6)).toEqual([4, 5, 6, 7, 8, 9])
      await after.leave()
      const others = await joinGroup(topic, 'others')
      expect(await nextEvent(others)).toMatchObject({ kind: 'assigned', partitions: [{ partition: 0, offset: 0 }] })
      await others.leave()
    })

    test('two members share the partitions: each is told what it lost, and whose commit comes late gets CONFLICT', async () => {
      const topic = await newTopic(4, 40)
      const one = await joinGroup(topic, 'shared')
      const had = await nextEvent(one)
      if (had.kind !== 'assigned') throw new Error(`expected partitions, got ${had.kind}`)
      expect(had.partitions).toHaveLength(4)
      const other = await joinGroup(topic, 'shared')
      const [lost, gained] = await Promise.all([
        eventOf(one, 'revoked', ({ partitions }) => partitions.length === 2),
        gather(other, 2),
      ])
      expect(lost.partitions.toSorted(ascending)).toEqual(gained.toSorted(ascending))
      for (const { partition, revoked } of had.partitions)
        expect(revoked.aborted).toBe(lost.partitions.includes(partition))
      const late = { partition: lost.partitions[0]!, offset: 1 }
      await expect(one.commit([late])).rejects.toMatchObject({ code: 'CONFLICT' })
      await other.commit([late])
      const kept = had.partitions.find(({ partition }) => !lost.partitions.includes(partition))!
      await one.commit([{ partition: kept.partition, offset: 2 }])
      await Promise.all([one.leave(), other.leave()])
    })

    test('who leaves gives everything to the others, at once', async () => {
      const topic = await newTopic(2, 4)
      const one = await joinGroup(topic, 'leaving')
      await gather(one, 2)
      const other = await joinGroup(topic, 'leaving')
      const [, gained] = await Promise.all([eventOf(one, 'revoked'), gather(other, 1)])
      await one.leave()
      const rest = await gather(other, 1)
      expect([...gained, ...rest].toSorted(ascending)).toEqual([0, 1])
      await expect(one.next({ maxBytes: 1, waitMillis: 0 })).rejects.toMatchObject({ code: 'CONFLICT' })
      await expect(one.commit([{ partition: 0, offset: 1 }])).rejects.toMatchObject({ code: 'CONFLICT' })
      await other.leave()
    })

    test('more members than partitions: some have none until one leaves', async () => {
      const topic = await newTopic(1, 1)
      const one = await joinGroup(topic, 'many')
      await gather(one, 1)
      const other = await joinGroup(topic, 'many')
      const waiting = gather(other, 1)
      await Promise.all([one.leave(), keepAsking(one)])
      expect(await waiting).toEqual([0])
      await other.leave()
    })

    test('a killed member’s partitions go to another, which begins at the last commit', async () => {
      const topic = await newTopic(2, 20)
      const doomed = startMember(topic, 'killed')
      await doomed.until(events => committedOf(events) === 20)
      await doomed.kill()
      await send(topic, 2, 20, 10)
      const startedAt = performance.now()
      const heir = await joinGroup(topic, 'killed')
      const values = await readValues(heir, 10)
      expect(performance.now() - startedAt).toBeLessThan(SESSION_MILLIS + 13_000)
      expect(values.toSorted(ascending)).toEqual(Array.from({ length: 10 }, (_, index) => 20 + index))
      await heir.leave()
    })

    test('a member that was stopped past its session is told that it lost all, and its commits are refused', async () => {
      const topic = await newTopic(2, 2)
      const zombie = startMember(topic, 'stopped')
      await zombie.until(events => committedOf(events) === 2)
      zombie.stop()
      const heir = await joinGroup(topic, 'stopped')
      await gather(heir, 2)
      await send(topic, 2, 2, 2)
      expect((await readValues(heir, 2)).toSorted(ascending)).toEqual([2, 3])
      await heir.commit([
        { partition: 0, offset: 2 },
        { partition: 1, offset: 2 },
      ])
      zombie.resume()
      const asking = keepAsking(heir)
      await zombie.until(events => events.some(({ kind }) => kind === 'revoked'))
      const events = zombie.events()
      const revokedAt = events.findIndex(({ kind }) => kind === 'revoked')
      // What it had asked for before it was stopped may still have come, but nothing of it was committed.
      expect(events.slice(0, revokedAt).filter(({ kind }) => kind === 'committed')).toHaveLength(2)
      await heir.leave()
      await asking
    })

    test('a member that is told to stop leaves, and another goes on within its session', async () => {
      const topic = await newTopic(1, 1)
      const member = startMember(topic, 'stops')
      await member.until(events => committedOf(events) === 1)
      await member.leave()
      const heir = await joinGroup(topic, 'stops')
      expect(await gather(heir, 1)).toEqual([0])
      await heir.leave()
    })

    test('records that the log gave up are DATA_LOST once, then it goes on with what is left', async () => {
      const topic = await newTopic(1, 10)
      const before = await joinGroup(topic, 'expired')
      await gather(before, 1)
      await before.commit([{ partition: 0, offset: 2 }])
      await before.leave()
      await log.trim(topic, 0, 6)
      const group = await joinGroup(topic, 'expired')
      expect(await nextEvent(group)).toMatchObject({ kind: 'assigned', partitions: [{ partition: 0, offset: 2 }] })
      await expect(group.next({ maxBytes: 1_000, waitMillis: 5_000 })).rejects.toMatchObject({
        code: 'DATA_LOST',
        message: expect.stringContaining('from offset 6 only') as string,
      })
      expect(await readValues(group, 4)).toEqual([6, 7, 8, 9])
      await group.leave()
    })

    test('a topic that is not there is NOT_FOUND', async () => {
      await expect(joinGroup('no-such-topic', 'any')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    test('a signal ends the wait at once, and the member stays', async () => {
      const topic = await newTopic(1, 0)
      const group = await joinGroup(topic, 'signal')
      await nextEvent(group)
      const stop = new AbortController()
      const waiting = group.next({ maxBytes: 1_000, waitMillis: 60_000 }, { signal: stop.signal })
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(waiting).rejects.toBe(reason)
      await send(topic, 1, 0, 1)
      expect(await readValues(group, 1)).toEqual([0])
      await group.leave()
    })

    test('closing the log ends what its members wait for', async () => {
      const topic = await newTopic(1, 0)
      const other = await open()
      const group = await other.group(topic, { groupId: 'closing', sessionTimeoutMillis: SESSION_MILLIS })
      await nextEvent(group)
      const ended = expect(group.next({ maxBytes: 1_000, waitMillis: 60_000 })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      })
      await other.close()
      await ended
    })
  })
}

async function nextEvent(group: LogGroup): Promise<GroupEvent> {
  const event = await group.next({ maxBytes: 100_000, waitMillis: 20_000 })
  if (!event) throw new Error('expected an event of the group within 20 seconds, got none')
  return event
}

/** The next event of a kind, past others. */
async function eventOf<Kind extends GroupEvent['kind']>(
  group: LogGroup,
  kind: Kind,
  suits: (event: Extract<GroupEvent, { kind: Kind }>) => boolean = () => true,
): Promise<Extract<GroupEvent, { kind: Kind }>> {
  for (;;) {
    const event = await nextEvent(group)
    if (event.kind === kind && suits(event as Extract<GroupEvent, { kind: Kind }>))
      return event as Extract<GroupEvent, { kind: Kind }>
  }
}

/** Partitions that come to the member, until there are so many more than go. */
async function gather(group: LogGroup, count: number): Promise<number[]> {
  const gained: number[] = []
  while (gained.length < count) {
    const { partitions } = await eventOf(group, 'assigned')
    gained.push(...partitions.map(({ partition }) => partition))
  }
  return gained
}

async function readValues(group: LogGroup, count: number): Promise<number[]> {
  const values: number[] = []
  while (values.length < count) {
    const { records } = await eventOf(group, 'records')
    values.push(...records.map(({ value }) => Number(textOf(value))))
  }
  return values
}

/** A member hears of changes also while nobody asks; this one asks until it has left. */
async function keepAsking(group: LogGroup): Promise<void> {
  try {
    for (;;) await group.next({ maxBytes: 100_000, waitMillis: 1_000 })
  } catch {
    // It has left.
  }
}

interface MemberEvent {
  kind: string
  partition?: number
  offset?: number
}

interface MemberProcess {
  events(): MemberEvent[]
  until(suits: (events: MemberEvent[]) => boolean): Promise<void>
  stop(): void
  resume(): void
  leave(): Promise<void>
  kill(): Promise<void>
}

function memberProcess(args: string[]): MemberProcess {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const seen: MemberEvent[] = []
  createInterface({ input: child.stdout! }).on('line', line => seen.push(JSON.parse(line) as MemberEvent))
  const exited = once(child, 'exit')
  return {
    events: () => [...seen],
    until: suits =>
      waitUntil(
        { description: 'the member', timeoutMillis: 30_000, detail: () => JSON.stringify(seen), pollMillis: 20 },
        () => suits(seen),
      ),
    stop: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async leave() {
      child.stdin!.write('leave\n')
      await exited
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** How many records of all partitions a member has committed. */
function committedOf(events: MemberEvent[]): number {
  const offsets = new Map(
    events.filter(({ kind }) => kind === 'committed').map(({ partition, offset }) => [partition, offset!]),
  )
  return [...offsets.values()].reduce((sum, offset) => sum + offset, 0)
}

function ascending(one: number, other: number): number {
  return one - other
}
