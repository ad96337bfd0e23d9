/** How long one question waits for what its answer does not depend on. End it, or its timer goes on. */
export interface Patience extends Disposable {
  readonly isOver: boolean
  /** What the work gives, or `late` where that takes too long; the work goes on. */
  waitFor<Result, Late>(work: Promise<Result>, late: Late): Promise<Result | Late>
}

export function createPatience(millis: number): Patience {
  const over = Promise.withResolvers<void>()
  let isOver = millis <= 0
  const timer = setTimeout(
    () => {
      isOver = true
      over.resolve()
    },
    Math.max(millis, 0),
  )
  return {
    get isOver() {
      return isOver
    },
    waitFor: (work, late) => Promise.race([work, over.promise.then(() => late)]),
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
