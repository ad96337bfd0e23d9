import type { Logger } from 'pino'
import { createPublisher, type Publisher } from './datasources/publish.ts'
import type { Storage } from './datasources/storage.ts'

const SWEEP_DEADLINE_MILLIS = 10_000

/**
 * A publisher that first removes what an earlier process of the same owner left half-written in the folders. Begins at once; publishing
 * waits for it, because from then on a temporary of this owner may be one that is being written. A folder that could not be swept, with
 * a storage that did not answer for example, is tried again before the next publish that finds no other under way; the publish goes on
 * whatever comes of it: leftovers cost space, not correctness.
 */
export function sweptPublisher(storage: Storage, owner: string, folders: readonly string[], log: Logger): Publisher {
  const publisher = createPublisher(storage, owner)
  let unswept = folders
  let swept = sweepRest()
  /** Publishes that wait for the sweep or write. */
  let underWay = 0

  async function sweepRest(): Promise<void> {
    const done = await Promise.all(unswept.map(sweep))
    unswept = unswept.filter((_, index) => !done[index])
  }

  async function sweep(folder: string): Promise<boolean> {
    try {
      const removed = await publisher.sweep(folder, { call: { signal: AbortSignal.timeout(SWEEP_DEADLINE_MILLIS) } })
      if (removed.length > 0) log.info({ removed }, 'removed what an earlier process had left half-written')
      return true
    } catch (error) {
      log.warn({ folder, err: error }, 'could not look for half-written files')
      return false
    }
  }

  return {
    async publish(path, content, layout, options) {
      // After the sweep that may still run: it finds nothing left to do where that one succeeds.
      if (underWay === 0 && unswept.length > 0) swept = swept.then(sweepRest)
      underWay += 1
      try {
        await swept
        return await publisher.publish(path, content, layout, options)
      } finally {
        underWay -= 1
      }
    },
    sweep: (folder, options) => publisher.sweep(folder, options),
  }
}
