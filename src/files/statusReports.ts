import type { Clock } from '../datasources/clock.ts'
import type { LogProducer } from '../datasources/log.ts'
import { asError, hasCode } from '../errors.ts'
import {
  BUSY_REPORT_MILLIS,
  IDLE_REPORT_MILLIS,
  type MachineState,
  type MachineStatus,
  MOST_TRANSFERS,
  statusRecord,
  type TransferStatus,
} from './wire/status.ts'

export interface StatusReportsOptions {
  producer: LogProducer
  topic: string
  clock: Clock
  /** What the machine says of itself now. */
  machine: () => Omit<MachineStatus, 'version' | 'at' | 'transfers'>
  /** Told where nobody can be told how it goes. */
  onProblem: (problem: string) => void
}

/** Tells the log how a machine is doing: each second while it is busy, each few seconds while it is not. What goes wrong with it stops no work. */
export interface StatusReports {
  /** The next report tells of this transfer. */
  changed(transfer: Reported): void
  /** The last words, with all that has changed; resolves also where they could not be said. */
  end(): Promise<void>
}

export interface Reported {
  status(): TransferStatus
}

/** Of one report: more transfers follow with the next. */
const MOST_RECORDS = 10
/** A log that does not answer holds the end of the work up no longer. */
const END_WITHIN_MILLIS = 5_000

export function startStatusReports(options: StatusReportsOptions): StatusReports {
  const { producer, topic, clock, machine, onProblem } = options
  const waiting = new Set<Reported>()
  const stopping = new AbortController()
  const givenUp = new AbortController()
  const reporting = reportUntilStopped()

  async function reportUntilStopped(): Promise<void> {
    let nextMillis = clock.nowMillis()
    let last: MachineState | undefined
    while (!stopping.signal.aborted) {
      const { state } = machine()
      const isDue = state === 'busy' || clock.nowMillis() >= nextMillis || state !== last || waiting.size > 0
      if (isDue) {
        last = state
        nextMillis = clock.nowMillis() + IDLE_REPORT_MILLIS - BUSY_REPORT_MILLIS / 2
        await report()
      }
      await clock.pause(BUSY_REPORT_MILLIS, stopping.signal).catch(() => {})
    }
  }

  /** False where the log did not take it. */
  async function report(): Promise<boolean> {
    const some = [...waiting].slice(0, MOST_TRANSFERS * MOST_RECORDS)
    for (const one of some) waiting.delete(one)
    const records: MachineStatus[] = []
    for (let from = 0; from === 0 || from < some.length; from += MOST_TRANSFERS) {
      const transfers = some.slice(from, from + MOST_TRANSFERS).map(one => one.status())
      const at = new Date(clock.nowMillis()).toISOString()
      records.push({ version: 1, at, ...machine(), ...(transfers.length > 0 && { transfers }) })
    }
    try {
      await producer.send(topic, records.map(statusRecord), { signal: givenUp.signal })
      return true
    } catch (error) {
      for (const one of some) waiting.add(one)
      // What does not answer is tried again with the next report.
      if (!givenUp.signal.aborted && !hasCode(error, 'UNAVAILABLE')) onProblem(asError(error).message)
      return false
    }
  }

  return {
    changed: transfer => void waiting.add(transfer),
    async end() {
      stopping.abort()
      const giveUp = () => givenUp.abort()
      let timer = setTimeout(giveUp, END_WITHIN_MILLIS)
      await reporting
      while ((await report()) && waiting.size > 0) {
        clearTimeout(timer)
        timer = setTimeout(giveUp, END_WITHIN_MILLIS)
      }
      clearTimeout(timer)
      await producer.close()
    },
  }
}
