import type { Log, LogGroup, LogRecord } from '../../src/datasources/log.ts'

/**
 * The log, whose groups give some records with one bit changed: what no digest of Kafka would notice. The third attempt to send a block is left alone, so
 * that none fails for good.
 */
export function corruptingLog(log: Log, share: number, random: () => number, onCorrupted: () => void): Log {
  function corrupted(record: LogRecord): LogRecord {
    if (!record.value?.length || isLater(record) || random() >= share) return record
    const value = Buffer.from(record.value)
    const at = Math.floor(random() * value.length)
    value[at] = value[at]! ^ (1 << Math.floor(random() * 8))
    onCorrupted()
    return { ...record, value }
  }

  return {
    ...log,
    async group(...asked) {
      const group = await log.group(...asked)
      const corrupting: LogGroup = {
        ...group,
        async next(...limits) {
          const event = await group.next(...limits)
          return event?.kind === 'records' ? { ...event, records: event.records.map(corrupted) } : event
        },
      }
      return corrupting
    },
  }
}

function isLater({ headers }: LogRecord): boolean {
  const sendId = headers.find(({ name }) => name === 'send-id')?.value ?? ''
  return Number(Buffer.from(sendId).toString().split('-').at(-1)) > 2
}
