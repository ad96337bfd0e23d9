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
 * Looks until `look` returns something other than undefined and returns it. A look that throws ends the
 * wait with its error; time up is an error that names what was waited for.
 */
export async function waitFor<T>(options: WaitOptions, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + options.timeoutMillis
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) {
      const detail = (await options.detail?.()) ?? ''
      throw new Error(
        `waited ${options.timeoutMillis / 1000} s for ${options.description}, in vain${detail && `\n${detail}`}`,
      )
    }
    await delay(options.pollMillis ?? 100)
  }
}

/** `waitFor` for a yes or no. */
export async function waitUntil(options: WaitOptions, look: () => Promise<boolean> | boolean): Promise<void> {
  await waitFor(options, async () => ((await look()) ? true : undefined))
}
