import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  /** What is waited for, to follow "waited for" in the error. */
  description: string
  timeoutMillis: number
  /** Between two looks. */
  pollMillis?: number
  /** Added to the error when time is up. */
  detail?: () => Promise<string> | string
}

/**
 * Looks, at least once, until `look` says true. A look that throws ends the wait with its error; time up is an error that
 * names what was waited for.
 */
export async function waitUntil(options: WaitOptions, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + options.timeoutMillis
  while (!(await look())) {
    if (performance.now() > deadline) {
      const detail = (await options.detail?.()) ?? ''
      const seconds = options.timeoutMillis / 1000
      throw new Error(`waited ${seconds} s for ${options.description}, in vain${detail && `\n${detail}`}`)
    }
    await delay(options.pollMillis ?? 100)
  }
}
