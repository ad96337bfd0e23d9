export interface Paced {
  /** Runs the action now, or at the end of the interval that is under way. */
  request(): void
  /** Forgets a run that is due; the next request runs at once. */
  cancel(): void
}

/** Runs an action at most once per interval, and always once after the last request. */
export function atMostEvery(intervalMillis: number, action: () => void): Paced {
  let timer: NodeJS.Timeout | undefined
  let due = false

  function run(): void {
    due = false
    timer = setTimeout(() => {
      timer = undefined
      if (due) run()
    }, intervalMillis)
    // The work keeps the process alive, not the report of it.
    timer.unref()
    action()
  }

  return {
    request() {
      if (timer === undefined) run()
      else due = true
    },
    cancel() {
      clearTimeout(timer)
      timer = undefined
      due = false
    },
  }
}
