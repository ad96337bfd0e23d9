/** A signal that is aborted when time is up. End it, or its timer goes on. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

/** @param late What to tell then; it is the signal's reason. */
export function createDeadline(millis: number, late: () => Error): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(late()), millis)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
