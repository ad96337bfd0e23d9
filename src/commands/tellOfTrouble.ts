import { systemClock } from '../datasources/clock.ts'
import { sentence } from '../weather/words.ts'
import type { Terminal } from './terminal.ts'

/** Work that goes on until it is told to end, and waits out what can heal by itself. */
export interface LongWork {
  run(signal: AbortSignal): Promise<void>
  state(): {
    /** What it waits for; null while all is well. */
    trouble: string | null
    warnings?: readonly string[]
  }
}

const LOOK_MILLIS = 500
/** A warning that comes again after so many others is told again. */
const REMEMBERED = 1_000

/** Runs `work` until Ctrl-C, which is no failure, and tells on stderr of each new trouble and warning meanwhile. */
export async function tellOfTrouble({ stderr, signal }: Terminal, work: LongWork): Promise<void> {
  const done = new AbortController()
  const telling = tell()
  try {
    await work.run(signal)
  } finally {
    done.abort()
    await telling
  }

  async function tell(): Promise<void> {
    let told: string | null = null
    const warned = new Set<string>()
    while (!done.signal.aborted) {
      const { trouble, warnings = [] } = work.state()
      if (trouble !== told) stderr.write(trouble === null ? 'Goes on.\n' : `Waits: ${sentence(trouble)}\n`)
      told = trouble
      for (const warning of warnings) {
        if (!warned.has(warning)) stderr.write(`warning: ${warning}\n`)
        if (warned.size >= REMEMBERED) warned.clear()
        warned.add(warning)
      }
      await systemClock.pause(LOOK_MILLIS, done.signal).catch(() => {})
    }
  }
}
