import type { Clock } from '../../datasources/clock.ts'
import { asError, type ErrorCode, hasCode } from '../../errors.ts'
import type { SinkSettings } from './settings.ts'

/** Tries again, for as long as it takes, what failed with one of the codes. */
export type Patiently = <T>(doing: string, codes: readonly ErrorCode[], step: () => Promise<T>) => Promise<T>

/**
 * Patience that ends with `signal` alone, whose reason it then throws. Says through `trouble` what it waits for, and null when that is over. Pauses
 * double up to a bound, so that a system that comes back is noticed soon.
 */
export function createPatience(
  clock: Clock,
  settings: Pick<SinkSettings, 'firstPauseMillis' | 'mostPauseMillis'>,
  signal: AbortSignal,
  trouble: (doing: string, message: string | null) => void,
): Patiently {
  return async (doing, codes, step) => {
    for (
      let pauseMillis = settings.firstPauseMillis;
      ;
      pauseMillis = Math.min(pauseMillis * 2, settings.mostPauseMillis)
    ) {
      signal.throwIfAborted()
      try {
        const result = await step()
        trouble(doing, null)
        return result
      } catch (error) {
        signal.throwIfAborted()
        if (!hasCode(error, ...codes)) throw error
        trouble(doing, asError(error).message)
      }
      await clock.pause(pauseMillis, signal)
    }
  }
}
