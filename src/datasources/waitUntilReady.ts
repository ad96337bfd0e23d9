import { setTimeout as delay } from 'node:timers/promises'
import { hasCode, MillraceError } from '../errors.ts'
import type { Source } from './source.ts'
import type { Storage } from './storage.ts'

/** Whoever waits: what ends the waiting, and who is told of it. */
export interface Patience {
  readonly signal: AbortSignal
  readonly say: (message: string) => void
}

/** Waits for a database that is still starting; a wrong password or a missing database is not waited for. UNAVAILABLE after the time. */
export function waitForSource(source: Source, waitMillis: number, patience: Patience): Promise<void> {
  const { signal } = patience
  return untilReady(async () => void (await source.ping({ signal })), SOURCE, waitMillis, patience)
}

/** Waits for a storage that is still starting, or in safe mode. UNAVAILABLE after the time. */
export function waitForStorage(storage: Storage, waitMillis: number, patience: Patience): Promise<void> {
  return onceStorageReady(storage, waitMillis, patience, async () => {})
}

/** As waitForStorage, and then a step, whose result it returns; the step is tried again too where the storage does not answer it. */
export function onceStorageReady<Result>(
  storage: Storage,
  waitMillis: number,
  patience: Patience,
  step: () => Promise<Result>,
): Promise<Result> {
  const { signal } = patience
  const ready = async () => {
    await storage.ping({ signal })
    return await step()
  }
  return untilReady(ready, STORAGE, waitMillis, patience)
}

const FIRST_RETRY_MILLIS = 250
const LONGEST_RETRY_MILLIS = 2_000

interface System {
  /** To follow "the". */
  name: string
  hint: (last: MillraceError) => string
}
const SOURCE = {
  name: 'source',
  hint: () => 'Start the database, or correct MILLRACE_SOURCE_URL; MILLRACE_SOURCE_WAIT_SECONDS sets how long to wait.',
}
const STORAGE = {
  name: 'storage',
  hint: ({ hint = 'Correct MILLRACE_STORAGE_URL.' }: MillraceError) =>
    `${hint} MILLRACE_STORAGE_WAIT_SECONDS sets how long to wait.`,
}

async function untilReady<Result>(
  attempt: () => Promise<Result>,
  { name, hint }: System,
  waitMillis: number,
  { signal, say }: Patience,
): Promise<Result> {
  const deadline = performance.now() + waitMillis
  for (let pause = FIRST_RETRY_MILLIS; ; pause = Math.min(pause * 2, LONGEST_RETRY_MILLIS)) {
    try {
      return await attempt()
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      const left = deadline - performance.now()
      if (left <= 0) {
        throw new MillraceError(
          'UNAVAILABLE',
          `The ${name} was not ready within ${waitMillis / 1000} s. ${error.message}`,
          { hint: hint(error), cause: error },
        )
      }
      say(`Waiting up to ${Math.ceil(left / 1000)} s more for the ${name}. ${error.message}`)
      await delay(Math.min(pause, left), undefined, { signal })
    }
  }
}
