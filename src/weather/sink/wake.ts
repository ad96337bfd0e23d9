import type { Clock } from '../../datasources/clock.ts'

/** Something to wait for that several may ring. A ring while nobody waits counts for the next who does. */
export interface Wake {
  readonly ring: () => void
  /** Resolves at the next ring, or at the time. */
  until(atMillis: number | undefined): Promise<void>
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const WOKEN = 'woken'

export function createWake(clock: Clock): Wake {
  let rung = false
  let wake: (() => void) | undefined

  function ring(): void {
    rung = true
    wake?.()
  }

  return {
    ring,
    async until(atMillis) {
      if (!rung) {
        const woken = Promise.withResolvers<void>()
        wake = woken.resolve
        const over = new AbortController()
        if (atMillis !== undefined) {
          const millis = Math.max(0, atMillis - clock.nowMillis())
          clock.pause(millis, over.signal).then(ring, () => {})
        }
        await woken.promise
        over.abort(WOKEN)
        wake = undefined
      }
      rung = false
    },
  }
}
