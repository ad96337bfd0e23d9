import type { Call } from '../../datasources/call.ts'
import type { LogRecord } from '../../datasources/log.ts'
import { createTopicReader } from '../track/topicReader.ts'
import { decodeAcknowledgment } from '../wire/acknowledgment.ts'
import { readBlockKey } from '../wire/topics.ts'
import type { Outgoing } from './outgoing.ts'
import type { SenderLog } from './sender.ts'

/** What receivers say of the files of this run. */
export interface Acknowledged {
  /** Takes what has come since the last look: at the first, all that the log keeps. Errors: those of Log. */
  look(call: Call): Promise<void>
  /** Blocks that were asked for again since they were sent; each is told once. */
  takeAskedAgain(): [Outgoing, number[]][]
}

export interface AcknowledgedOptions {
  log: Pick<SenderLog, 'partitions' | 'offsets' | 'fetch'>
  topic: string
  /** By transfer id. */
  outgoing: ReadonlyMap<string, Outgoing>
  onChange: (one: Outgoing) => void
  onWarning: (warning: string) => void
}

export function createAcknowledged({ log, topic, outgoing, onChange, onWarning }: AcknowledgedOptions): Acknowledged {
  let askedAgain = new Map<Outgoing, Set<number>>()
  const reader = createTopicReader({
    log,
    topic,
    lookBackRecords: Number.POSITIVE_INFINITY,
    onNewTopic: () =>
      onWarning(`The topic "${topic}" was made anew while files were sent: what it told before is gone.`),
  })

  function take({ key, value }: LogRecord): void {
    // Most are about transfers of others, and cost no more than this.
    const one = outgoing.get(readBlockKey(key)?.transferId ?? '')
    if (!one) return
    const acknowledgment = decodeAcknowledgment(value)
    if ('problem' in acknowledgment) {
      // Of another version, or of nobody we know: whoever wrote it, the block counts as not acknowledged.
      onWarning(`An acknowledgment of ${JSON.stringify(one.transfer.file)} cannot be read: ${acknowledgment.problem}.`)
      return
    }
    if (acknowledgment.transferId !== one.transfer.transferId) return
    if (one.take(acknowledgment)) {
      const blocks = askedAgain.get(one) ?? new Set()
      askedAgain.set(one, blocks.add(acknowledgment.block))
    }
    onChange(one)
  }

  return {
    look: call => reader.read(take, call),
    takeAskedAgain() {
      const asked = [...askedAgain].map(([one, blocks]): [Outgoing, number[]] => [one, [...blocks]])
      askedAgain = new Map()
      return asked
    },
  }
}
