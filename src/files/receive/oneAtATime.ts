import { abortable } from '../../datasources/abortable.ts'

/** Pieces of work one after the other, none of which waits for its turn in memory. */
export interface OneAtATime {
  /** Resolves when the work has begun, because the one before is over; false where the signal was aborted first. `work` must not reject. */
  start(work: () => Promise<void>, signal: AbortSignal): Promise<boolean>
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
  isBusy(): boolean
}

export function oneAtATime(): OneAtATime {
  let current: Promise<void> | undefined

  async function idle(): Promise<void> {
    while (current) await current
  }

  return {
    async start(work, signal) {
      try {
        await abortable(idle(), signal)
      } catch {
        return false
      }
      const begun = work().finally(() => {
        if (current === begun) current = undefined
      })
      current = begun
      return true
    },
    idle,
    isBusy: () => current !== undefined,
  }
}
