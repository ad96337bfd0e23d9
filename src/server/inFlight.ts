/** Counts the work that a stop should wait for. */
export interface InFlight {
  track<Result>(work: Promise<Result>): Promise<Result>
  /** Resolves when nothing is under way, or after the deadline. */
  idle(deadlineMillis: number): Promise<void>
}

export function createInFlight(): InFlight {
  const underWay = new Set<Promise<unknown>>()
  return {
    track(work) {
      underWay.add(work)
      const settle = () => void underWay.delete(work)
      work.then(settle, settle)
      return work
    },
    async idle(deadlineMillis) {
      let timer: NodeJS.Timeout | undefined
      const deadline = new Promise<void>(resolve => {
        timer = setTimeout(resolve, deadlineMillis)
      })
      const idle = (async () => {
        while (underWay.size > 0) await Promise.allSettled(underWay)
      })()
      await Promise.race([idle, deadline])
      clearTimeout(timer)
    },
  }
}
