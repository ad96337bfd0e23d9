import type { Logger } from 'pino'
import { createPublisher, type Publisher } from './datasources/publish.ts'
import type { Storage } from './datasources/storage.ts'

const SWEEP_DEADLINE_MILLIS = 10_000

/**
 * A publisher that first removes what an earlier process of the same owner left half-written in the folders. Begins at once; publishing
 * waits for it, because from then on a temporary of this owner may be one that is being written. A sweep that fails is tried again
 * at the next start: leftovers cost space, not correctness.
 */
export function sweptPublisher(storage: Storage, owner: string, folders: readonly string[], log: Logger): Publisher {
  const publisher = createPublisher(storage, owner)
  const swept = Promise.all(folders.map(sweep))

  async function sweep(folder: string): Promise<void> {
    try {
      const removed = await publisher.sweep(folder, { call: { signal: AbortSignal.timeout(SWEEP_DEADLINE_MILLIS) } })
      if (removed.length > 0) log.info({ removed }, 'removed what an earlier process had left half-written')
    } catch (error) {
      log.warn({ folder, err: error }, 'could not look for half-written files')
    }
  }

  return {
    async publish(path, content, layout, options) {
      await swept
      return publisher.publish(path, content, layout, options)
    },
    sweep: (folder, options) => publisher.sweep(folder, options),
  }
}
