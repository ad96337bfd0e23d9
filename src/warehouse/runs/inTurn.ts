import type { LimitFunction } from 'p-limit'
import { abortable } from '../../datasources/abortable.ts'

/** Does the work when there is a place for it. A signal ends the wait for one at once; what has begun ends in order. */
export async function inTurn<T>(limit: LimitFunction, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const begun = Promise.withResolvers<void>()
  const outcome = limit(async () => {
    begun.resolve()
    signal.throwIfAborted()
    return await work()
  })
  // Nobody waits for it any more where the signal came first.
  outcome.catch(() => {})
  await abortable(begun.promise, signal)
  return await outcome
}
