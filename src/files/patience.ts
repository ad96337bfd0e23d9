import type { Clock } from '../datasources/clock.ts'
import { hasCode, type MillraceError } from '../errors.ts'

export interface PatienceOptions {
  clock: Clock
  /** What has not answered for so long is waited for no longer. */
  patienceMillis: number
  firstPauseMillis: number
  mostPauseMillis: number
  /** Told what is waited for, and with null that it is there again. */
  onTrouble: (trouble: string | null) => void
}

/** Does a step again while what it needs is UNAVAILABLE, after pauses that double up to a bound. */
export type Patiently = <T>(step: () => Promise<T>, signal: AbortSignal) => Promise<T>

export function createPatience(options: PatienceOptions): Patiently {
  const { clock, patienceMillis, firstPauseMillis, mostPauseMillis, onTrouble } = options

  return async (step, signal) => {
    let firstFailure: { atMillis: number; error: MillraceError } | undefined
    for (let failures = 0; ; failures++) {
      try {
        const result = await step()
        if (firstFailure) onTrouble(null)
        return result
      } catch (error) {
        signal.throwIfAborted()
        if (!hasCode(error, 'UNAVAILABLE')) throw error
        firstFailure ??= { atMillis: clock.nowMillis(), error }
        if (clock.nowMillis() - firstFailure.atMillis >= patienceMillis) throw error
        onTrouble(error.message)
      }
      await clock.pause(Math.min(firstPauseMillis * 2 ** failures, mostPauseMillis), signal)
    }
  }
}
