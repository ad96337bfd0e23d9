import type { Call } from '../../datasources/call.ts'
import { jsonBytes } from '../../datasources/jsonFile.ts'
import type { LogRecord } from '../../datasources/log.ts'
import type { ExclusivePublisher } from '../../datasources/publish.ts'
import type { FileLayout } from '../../datasources/storage.ts'
import { hasCode } from '../../errors.ts'
import type { OffsetSpan } from './batchCodec.ts'
import { deadLetterPath, lostRangePath } from './paths.ts'

/** A record that could not become a row, and why. */
export interface DeadLetter {
  record: LogRecord
  reason: string
}

export interface DeadLetterOptions {
  partition: number
  publisher: ExclusivePublisher
  layout: FileLayout
}

/** Files written side by side. */
const AT_ONCE = 4

/**
 * Keeps records aside, one file each, and says which records the log had lost. Their names and contents follow from the log, so doing it again
 * after a crash changes nothing.
 */
export async function keepAside(
  { partition, publisher, layout }: DeadLetterOptions,
  letters: readonly DeadLetter[],
  lost: readonly OffsetSpan[],
  call: Call,
): Promise<void> {
  const files = [
    ...letters.map(letter => ({
      path: deadLetterPath(partition, letter.record.offset),
      content: () => letterContent(partition, letter),
    })),
    ...lost.map(({ from, to }) => ({
      path: lostRangePath(partition, from, to - 1),
      content: () => ({
        partition,
        from,
        to: to - 1,
        reason: 'the log no longer had these records when they were read',
      }),
    })),
  ]
  for (let start = 0; start < files.length; start += AT_ONCE) {
    await Promise.all(files.slice(start, start + AT_ONCE).map(keep))
  }

  async function keep({ path, content }: (typeof files)[number]): Promise<void> {
    try {
      await publisher.publishNew(path, () => [jsonBytes(content())], layout, { call })
    } catch (error) {
      if (!hasCode(error, 'CONFLICT')) throw error
    }
  }
}

function letterContent(partition: number, { record, reason }: DeadLetter): unknown {
  const { offset, timestampMillis, key, value, headers } = record
  const base64 = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('base64'))
  return {
    partition,
    offset,
    reason,
    timestamp: new Date(timestampMillis).toISOString(),
    key: base64(key),
    value: base64(value),
    headers: headers.map(({ name, value }) => ({ name, value: base64(value) })),
  }
}
