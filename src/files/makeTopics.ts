import type { Call } from '../datasources/call.ts'
import type { Clock } from '../datasources/clock.ts'
import type { Log } from '../datasources/log.ts'
import { createPatience } from './patience.ts'
import type { FileTopics } from './wire/topics.ts'

/** How long a log that does not answer is waited for at the start: a broker may have just gone, or nobody started any. */
export const START_PATIENCE_MILLIS = 10_000

export interface MakeTopicsOptions {
  log: Pick<Log, 'createTopic'>
  topics: FileTopics
  /** Copies of each record; null: as many as there are brokers, up to 3. */
  replication: number | null
  startPatienceMillis: number
  firstPauseMillis: number
  mostPauseMillis: number
  clock: Clock
  /** Told what is waited for, and with null that it is there. */
  onTrouble: (trouble: string | null) => void
}

/** Makes the topics of files where they are missing. Errors: those of Log.createTopic. */
export async function makeTopics(options: MakeTopicsOptions, call: Call & { signal: AbortSignal }): Promise<void> {
  const { log, topics, replication, startPatienceMillis } = options
  const patiently = createPatience({ ...options, patienceMillis: startPatienceMillis })
  for (const { name, partitions } of Object.values(topics)) {
    await patiently(() => log.createTopic(name, { partitions, replication }, call), call.signal)
  }
}
