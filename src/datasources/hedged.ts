export interface HedgeOptions<Result> {
  /** In all, the first one included. */
  attempts: number
  /** From one attempt to the next. */
  delayMillis: number
  /** Takes what an attempt gives that was too late to be ended. */
  discard?: (late: Result) => void
}

/** Of the next attempt. */
export interface HedgeDelay {
  /** It is not yet time: something has come. */
  restart(): void
  /** Nothing is waited for until the next restart(). */
  hold(): void
}

/**
 * Starts an attempt, and a further one each time a delay has passed without a result: against a storage that sometimes keeps
 * one request waiting for long, and would answer another one at once. The first result counts and ends the others through
 * their signals. Rejects with the last error when all that were started have failed: it is no retry.
 */
export function hedged<Result>(
  attempt: (signal: AbortSignal, delay: HedgeDelay) => Promise<Result>,
  { attempts, delayMillis, discard }: HedgeOptions<Result>,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const started: AbortController[] = []
  let failures = 0
  let settled = false
  let timer: NodeJS.Timeout | undefined

  function settle(winner?: AbortController): void {
    settled = true
    clearTimeout(timer)
    for (const other of started) if (other !== winner) other.abort()
  }

  const delay: HedgeDelay = {
    restart() {
      clearTimeout(timer)
      if (!settled && started.length < attempts) timer = setTimeout(start, delayMillis)
    },
    hold: () => clearTimeout(timer),
  }

  function start(): void {
    const controller = new AbortController()
    started.push(controller)
    delay.restart()
    attempt(controller.signal, delay).then(
      result => {
        if (settled) return discard?.(result)
        settle(controller)
        resolve(result)
      },
      error => {
        failures += 1
        if (settled || failures < started.length) return
        settle()
        reject(error)
      },
    )
  }

  start()
  return promise
}
