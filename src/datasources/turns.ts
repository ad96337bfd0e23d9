import { MillraceError } from '../errors.ts'
import { abortable } from './abortable.ts'

/** Lets callers of one process do things of the same name one after the other, in the order they came. */
export interface Turns {
  /** Waits for the turn; call what it gives when done. A caller whose signal is aborted leaves the queue. */
  take(name: string, signal?: AbortSignal): Promise<() => void>
}

/** Names are kept for good: use few. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>()
  return {
    async take(name, signal) {
      const before = last.get(name) ?? Promise.resolve()
      const done = Promise.withResolvers<void>()
      last.set(
        name,
        before.then(() => done.promise),
      )
      try {
        await abortable(before, signal)
      } catch (error) {
        done.resolve()
        throw error
      }
      return done.resolve
    },
  }
}

/** A turn within `waitMillis`, CONFLICT otherwise. */
export async function takeTurnWithin(
  turns: Turns,
  name: string,
  waitMillis: number,
  signal: AbortSignal | undefined,
): Promise<() => void> {
  const late = AbortSignal.timeout(waitMillis)
  try {
    return await turns.take(name, signal ? AbortSignal.any([signal, late]) : late)
  } catch (error) {
    signal?.throwIfAborted()
    if (!late.aborted) throw error
    throw lockHeld(name, waitMillis)
  }
}

/** CONFLICT: somebody else holds a lock for longer than the caller waits. */
export function lockHeld(name: string, waitMillis: number): MillraceError {
  return new MillraceError(
    'CONFLICT',
    `Expected "${name}" to be free within ${waitMillis / 1000} s, it is still being done.`,
    {
      hint: 'Wait for what is under way, then repeat.',
    },
  )
}
