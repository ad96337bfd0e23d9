import { abortable } from '../../datasources/abortable.ts'
import type { Clock } from '../../datasources/clock.ts'
import type { AssignedPartition, GroupEvent, LogGroup } from '../../datasources/log.ts'
import { asError, hasCode } from '../../errors.ts'
import type { Lane } from './lane.ts'

export interface MemberOptions {
  group: LogGroup
  /** By partition; empty at the end. */
  lanes: Map<number, Lane>
  openLane: (partition: AssignedPartition) => Lane
  limits: { maxBytes: number; waitMillis: number }
  ending: AbortSignal
  /** Resolves when no block is being finished. */
  finished: () => Promise<void>
  /** Told when records come, and when they are worked on. */
  onRecords: () => void
  /** Told why the group has to be joined anew, and with null that it is well. */
  onTrouble: (trouble: string | null) => void
  onWarning: (warning: string) => void
  clock: Clock
}

/** A group that does not answer is not waited for at the end: it notices by itself. */
const LEAVE_MILLIS = 5_000

/** One membership in the group: gives the partitions' records to their lanes until the receiver ends, or until the group has to be joined anew. */
export async function beMember({ ending, finished, onTrouble, clock, ...options }: MemberOptions): Promise<void> {
  const { group, lanes, openLane, limits, onRecords, onWarning } = options
  try {
    await serve()
    // What is being finished at the end is given its time.
    await finished()
  } catch (error) {
    if (!ending.aborted && !hasCode(error, 'UNAVAILABLE', 'CONFLICT')) throw error
    if (!ending.aborted) onTrouble(asError(error).message)
  } finally {
    await drop([...lanes.keys()])
    await finished()
    await leave()
  }

  async function serve(): Promise<void> {
    // The next is fetched while this one is worked on.
    let coming = ask()
    while (!ending.aborted) {
      let event: GroupEvent | null
      try {
        event = await abortable(coming, ending)
      } catch (error) {
        if (ending.aborted) return
        if (!hasCode(error, 'DATA_LOST')) throw error
        onWarning(error.message)
        event = null
      }
      onTrouble(null)
      coming = ask()
      if (event) await take(event)
      else for (const lane of lanes.values()) await lane.tidy()
    }
  }

  function ask(): Promise<GroupEvent | null> {
    const coming = group.next(limits, { signal: ending })
    // It may be waited for only later, or never.
    coming.catch(() => {})
    return coming
  }

  async function take(event: GroupEvent): Promise<void> {
    if (event.kind === 'assigned') for (const one of event.partitions) lanes.set(one.partition, openLane(one))
    if (event.kind === 'revoked') await drop(event.partitions)
    if (event.kind !== 'records') return
    onRecords()
    await lanes.get(event.partition)?.take(event.records, event.nextOffset)
    onRecords()
  }

  async function drop(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      await lanes.get(partition)?.drop()
      lanes.delete(partition)
    }
  }

  async function leave(): Promise<void> {
    try {
      await abortable(group.leave(), clock.deadline(LEAVE_MILLIS))
    } catch {
      // It is given up after its session.
    }
  }
}
