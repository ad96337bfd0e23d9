import { abortable } from '../../datasources/abortable.ts'

/** Dates that are being made. A later one goes on from the results of an earlier one, so it waits for those that are under way. */
export interface EarlierDates {
  /** From now on later dates wait for this one. Call what it returns when they need to no longer; more than once does no harm. */
  begin(date: string): () => void
  /** When no earlier date that had begun by now is under way any more. */
  over(date: string, signal: AbortSignal): Promise<void>
}

export function earlierDates(): EarlierDates {
  const underWay = new Set<{ date: string; over: Promise<void> }>()
  return {
    begin(date) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const entry = { date, over: promise }
      underWay.add(entry)
      return () => {
        underWay.delete(entry)
        resolve()
      }
    },
    async over(date, signal) {
      const earlier = [...underWay].filter(other => other.date < date)
      await abortable(Promise.all(earlier.map(({ over }) => over)), signal)
    },
  }
}
