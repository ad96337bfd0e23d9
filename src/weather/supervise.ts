import type { Clock } from '../datasources/clock.ts'
import { asError, hasCode, MillraceError } from '../errors.ts'

/** One of the things that must go on side by side. */
export interface Part {
  /** For people, at the start of a sentence: "Partition 2". */
  name: string
  /** A CONFLICT means that somebody else does its work now: to take that back would only make the two fight. */
  givesWay?: boolean
  /** Goes on until the signal is aborted; a failure ends it, and it is run again. */
  run(signal: AbortSignal): Promise<void>
}

/** A part that is kept running. */
export interface Supervised {
  /** Resolves when the part has ended for good; never rejects. */
  readonly ended: Promise<void>
  /** Tells the part to end, and resolves when it has. */
  stop(): Promise<void>
  /** What is wrong with it now, in a sentence; null while it runs well. */
  trouble(): string | null
}

export interface SuperviseOptions {
  clock: Clock
  firstPauseMillis?: number
  mostPauseMillis?: number
  /** A part that has run so long since it failed counts as healed. */
  steadyMillis?: number
  /** Told of failures that no MillraceError foresaw. */
  note: (message: string, details: object) => void
}

/** Runs a part again when it fails, after a pause that doubles up to a bound. */
export function supervise(part: Part, options: SuperviseOptions): Supervised {
  const { clock, note, firstPauseMillis = 200, mostPauseMillis = 5_000, steadyMillis = 3_000 } = options
  const stopping = new AbortController()
  const { signal } = stopping
  let failure: string | null = null
  /** Null while the part waits to be run again, or has ended. */
  let runningSince: number | null = null
  let failures = 0

  async function keepRunning(): Promise<void> {
    while (!signal.aborted) {
      runningSince = clock.nowMillis()
      try {
        await part.run(signal)
        failure = null
        return
      } catch (error) {
        if (signal.aborted) return
        if (isSteady()) failures = 0
        runningSince = null
        failure = `${part.name}: ${describe(error)}`
        if (part.givesWay && hasCode(error, 'CONFLICT')) return
      }
      await clock.pause(Math.min(firstPauseMillis * 2 ** failures, mostPauseMillis), signal).catch(() => {})
      failures += 1
    }
  }

  function isSteady(): boolean {
    return runningSince !== null && clock.nowMillis() - runningSince >= steadyMillis
  }

  function describe(error: unknown): string {
    if (error instanceof MillraceError && error.code !== 'INTERNAL') {
      return error.hint === undefined ? error.message : `${error.message} ${error.hint}`
    }
    note('a part of the weather failed for an unforeseen reason', { part: part.name, err: asError(error) })
    return "it failed for a reason that Millrace did not foresee; the server's log tells it."
  }

  const ended = keepRunning()
  return {
    ended,
    async stop() {
      stopping.abort(new MillraceError('CANCELLED', `${part.name} was told to end.`))
      await ended
    },
    trouble: () => (isSteady() ? null : failure),
  }
}
