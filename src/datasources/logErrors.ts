import { MillraceError } from '../errors.ts'
import type { OffsetRange, TopicLayout } from './log.ts'

/** What both keepers of a log say alike. */

const TOPIC_NAME = /^[A-Za-z0-9._-]{1,249}$/

/** BAD_USER_INPUT for a name that Kafka would not take. */
export function checkTopicName(topic: string): void {
  if (TOPIC_NAME.test(topic) && topic !== '.' && topic !== '..') return
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a topic name of 1 to 249 letters, digits, dots, hyphens and underscores, got ${JSON.stringify(topic)}.`,
    { hint: 'Choose a name such as "data-blocks".' },
  )
}

/** BAD_USER_INPUT for a number of partitions or copies that no topic can have. */
export function checkTopicLayout({ partitions, replication }: TopicLayout): void {
  for (const [name, value] of Object.entries({ partitions, replication: replication ?? 1 })) {
    if (Number.isInteger(value) && value >= 1 && value <= 10_000) continue
    throw new MillraceError('BAD_USER_INPUT', `Expected ${name} from 1 to 10000, got ${value}.`)
  }
}

export function noSuchTopic(topic: string, cause?: unknown): MillraceError {
  return new MillraceError('NOT_FOUND', `Expected the topic "${topic}", but the log has no topic of that name.`, {
    hint: 'Create the topic, or check its name and MILLRACE_LOG_URL.',
    cause,
  })
}

export function noSuchPartition(topic: string, partition: number, partitions: number): MillraceError {
  return new MillraceError(
    'NOT_FOUND',
    `Expected a partition of the topic "${topic}" from 0 to ${partitions - 1}, got ${partition}.`,
  )
}

export function otherPartitions(topic: string, expected: number, found: number): MillraceError {
  return new MillraceError(
    'CONFLICT',
    `Expected the topic "${topic}" to have ${expected} partitions, but it exists with ${found}.`,
    { hint: 'Remove the topic with its records, or use another name.' },
  )
}

/** DATA_LOST or BAD_USER_INPUT where records cannot be read from `offset`; undefined where they can. */
export function outOfRange(
  topic: string,
  partition: number,
  offset: number,
  { begin, end }: OffsetRange,
): MillraceError | undefined {
  const where = `partition ${partition} of the topic "${topic}"`
  if (offset < begin) {
    return new MillraceError(
      'DATA_LOST',
      `Expected records of ${where} from offset ${offset}, but the log keeps it from offset ${begin} only.`,
      { hint: 'Let the log keep records longer than a reader may be away.' },
    )
  }
  if (offset > end) {
    return new MillraceError(
      'BAD_USER_INPUT',
      `Expected an offset of ${where} up to its end ${end}, got ${offset}: was the topic made anew?`,
      { hint: 'Start from an offset that the log has.' },
    )
  }
  return undefined
}

export function recordTooLarge(topic: string, bytes: number, mostBytes: number | undefined, cause?: unknown) {
  const limit = mostBytes === undefined ? 'more than the log takes' : `more than the ${mostBytes} that the log takes`
  return new MillraceError('BAD_USER_INPUT', `A record for the topic "${topic}" has ${bytes} bytes, ${limit}.`, {
    hint: 'Send smaller records, or raise the limit of the log (message.max.bytes of Kafka).',
    cause,
  })
}

export function producerClosed(): MillraceError {
  return new MillraceError('UNAVAILABLE', 'The producer has been closed.', { hint: 'Open another one.' })
}

export function logClosed(): MillraceError {
  return new MillraceError('UNAVAILABLE', 'The log has been closed.', { hint: 'Start Millrace again.' })
}
