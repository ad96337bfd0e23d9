import type { OutgoingRecord } from '../../datasources/log.ts'

/** Sends records in their order, the next ones while earlier ones are on their way, so that whoever makes them need not wait for the log. */
export interface Conveyor {
  /**
   * Resolves when there is room for another; the record itself may wait. `onSent` is called when the log has it. Wait for one call before the next.
   * Throws what a send before has failed with.
   */
  put(record: OutgoingRecord, onSent: () => void): Promise<void>
  /** Resolves when the log has all. */
  drain(): Promise<void>
}

interface Waiting {
  record: OutgoingRecord
  onSent: () => void
}

/** @param mostBytes Records wait up to so many bytes, and as many are on their way. */
export function createConveyor(
  send: (records: OutgoingRecord[]) => Promise<void>,
  { mostBytes, mostRecords }: { mostBytes: number; mostRecords: number },
): Conveyor {
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let sending: Promise<void> | undefined
  let room = Promise.withResolvers<void>()
  let failed: { error: unknown } | undefined

  /** Never rejects: the failure is told to whoever puts or drains. */
  async function sendWaiting(): Promise<void> {
    while (waiting.length > 0 && !failed) {
      const some = waiting
      waiting = []
      waitingBytes = 0
      tellOfRoom()
      try {
        await send(some.map(({ record }) => record))
        for (const { onSent } of some) onSent()
      } catch (error) {
        failed = { error }
        tellOfRoom()
      }
    }
    sending = undefined
  }

  function tellOfRoom(): void {
    room.resolve()
    room = Promise.withResolvers()
  }

  function throwFailure(): void {
    if (failed) throw failed.error
  }

  const isFull = () => waitingBytes >= mostBytes || waiting.length >= mostRecords

  return {
    async put(record, onSent) {
      throwFailure()
      waiting.push({ record, onSent })
      waitingBytes += record.value.length
      sending ??= sendWaiting()
      while (isFull() && !failed) await room.promise
      throwFailure()
    },
    async drain() {
      await sending
      throwFailure()
    },
  }
}
