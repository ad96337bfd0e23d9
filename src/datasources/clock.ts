import { pause } from './abortable.ts'

/** Time, for code that tests run faster than time. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMillis(): number
  /** Waits, or throws the signal's reason as soon as it is aborted. */
  pause(millis: number, signal?: AbortSignal): Promise<void>
  /** A signal that is aborted after so long. */
  deadline(millis: number): AbortSignal
}

export const systemClock: Clock = {
  nowMillis: () => Date.now(),
  pause: (millis, signal) => pause(millis, signal),
  deadline: millis => AbortSignal.timeout(millis),
}
