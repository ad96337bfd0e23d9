import type { Clock } from '../../datasources/clock.ts'
import { createPatience, type Patiently } from '../patience.ts'
import type { ReceiverSettings } from './receiver.ts'

/** Waits for what does not answer for as long as that takes, and says so. */
export interface Waiting {
  readonly forDisk: Patiently
  /** Where blocks are stored. */
  readonly forStore: Patiently
  readonly forLog: Patiently
  /** What is waited for now; null while all is well. */
  trouble(): string | null
  /** Whether nothing can go on because the disk is full. */
  isDiskFull(): boolean
  /** What else is wrong with the log, or null when it is over. */
  note(trouble: string | null): void
}

/** @param store Whether blocks are stored on the disk too, or somewhere else. */
export function createWaiting(
  clock: Clock,
  settings: Pick<ReceiverSettings, 'firstPauseMillis' | 'mostPauseMillis'>,
  store: 'disk' | 'storage',
): Waiting {
  const troubles = new Map<'disk' | 'storage' | 'log' | 'group', string>()

  function note(what: 'disk' | 'storage' | 'log' | 'group', trouble: string | null): void {
    if (trouble === null) troubles.delete(what)
    else troubles.set(what, trouble)
  }

  function patience(what: 'disk' | 'storage' | 'log'): Patiently {
    const patiently = createPatience({
      ...settings,
      clock,
      patienceMillis: Number.POSITIVE_INFINITY,
      onTrouble: trouble => note(what, trouble),
    })
    return async (step, signal) => {
      try {
        return await patiently(step, signal)
      } catch (error) {
        note(what, null)
        throw error
      }
    }
  }

  return {
    forDisk: patience('disk'),
    forStore: patience(store),
    forLog: patience('log'),
    trouble: () => [...troubles.values()].join('; ') || null,
    isDiskFull: () => troubles.has('disk'),
    note: trouble => note('group', trouble),
  }
}
