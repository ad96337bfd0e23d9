import type { Call } from '../datasources/call.ts'
import type { Clock } from '../datasources/clock.ts'
import { OPEN_TRANSACTIONS_LAG_MILLIS } from '../datasources/growingTables.ts'
import type { Source } from '../datasources/source.ts'

export interface SettledOptions {
  source: Pick<Source, 'openTransactions'>
  clock: Clock
  /** For a source that does not show its transactions. */
  blindWaitMillis: number
  /** Told how many transactions it waits for; undefined where that is not known. */
  onWait?: (transactions: number | undefined) => void
}

/** A transaction disappears from the list a moment before what it wrote can be read. */
const READABLE_MILLIS = 20

/**
 * Waits until every transaction has ended that had taken a key when this was called: then a key that is smaller than one that could be
 * read before, and still cannot be read, never will be.
 */
export async function untilSettled(options: SettledOptions, call: Call): Promise<void> {
  const { source, clock, blindWaitMillis, onWait = () => {} } = options
  await clock.pause(OPEN_TRANSACTIONS_LAG_MILLIS, call.signal)
  let open = await source.openTransactions(call)
  if (open === undefined) {
    onWait(undefined)
    await clock.pause(blindWaitMillis, call.signal)
    return
  }
  while (open.size > 0) {
    onWait(open.size)
    await clock.pause(OPEN_TRANSACTIONS_LAG_MILLIS, call.signal)
    const now: ReadonlySet<string> = (await source.openTransactions(call)) ?? open
    open = new Set([...open].filter(name => now.has(name)))
  }
  await clock.pause(READABLE_MILLIS, call.signal)
}
