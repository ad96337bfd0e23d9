import type { Call } from './call.ts'

/**
 * Records in partitions, each read by offset: Kafka, or an embedded file. Both keepers are held to test/contract/log.ts.
 *
 * Errors, all MillraceError: NOT_FOUND for a topic or partition that is not there; UNAVAILABLE where the log does not answer
 * within its deadline; FORBIDDEN for refused credentials or a missing right; BAD_USER_INPUT for a record larger than the log takes.
 */
export interface Log {
  readonly kind: 'sqlite' | 'kafka'
  /** As configured, without credentials. */
  readonly url: string

  /** Makes the topic where it is missing; CONFLICT where it exists with another number of partitions. */
  createTopic(topic: string, layout: TopicLayout, call?: Call): Promise<void>

  /** Removes a topic with its records and resolves when it is gone; nothing happens where there is none. */
  removeTopic(topic: string, call?: Call): Promise<void>

  /** How many partitions the topic has. */
  partitions(topic: string, call?: Call): Promise<number>

  /** For each partition asked, in that order. */
  offsets(topic: string, partitions: readonly number[], call?: Call): Promise<OffsetRange[]>

  /**
   * Records from `offset` on, in order: about `maxBytes` at most, and at least one where there is one. Waits up to `waitMillis`
   * for the first. DATA_LOST where `offset` is older than `begin` (the message names it), BAD_USER_INPUT where it is beyond `end`.
   */
  fetch(topic: string, partition: number, from: FetchFrom, call?: Call): Promise<Fetched>

  /** Gives up the records before `offset`: `begin` becomes `offset`, or stays where it is further already. BAD_USER_INPUT beyond `end`. */
  trim(topic: string, partition: number, offset: number, call?: Call): Promise<void>

  /** Idempotent, acknowledged by all in-sync replicas, with bounded retries. */
  producer(): LogProducer

  /**
   * Joins a group, whose members share out the partitions of the topic: each partition belongs to one member at a time. A member that ends, or is not
   * heard of for its session, loses its partitions to others, which go on where the group has committed.
   */
  group(topic: string, options: GroupOptions, call?: Call): Promise<LogGroup>

  /** Throws where the log cannot be used now; returns a short detail otherwise. */
  ping(call?: Call): Promise<string>

  close(): Promise<void>
}

export interface TopicLayout {
  partitions: number
  /** Copies of each record on different brokers; an embedded log has one whatever is asked. Null: three, or as many as there are brokers. */
  replication: number | null
}

export interface OffsetRange {
  /** The oldest offset that is still kept. */
  begin: number
  /** The offset that the next record will get; equal to `begin` where there is none. */
  end: number
}

export interface FetchFrom {
  offset: number
  maxBytes: number
  waitMillis: number
}

export interface Fetched {
  records: LogRecord[]
  /** Where to go on: behind the last record and behind what is no record, such as a marker. */
  nextOffset: number
  /** The partition's end at that time. */
  endOffset: number
}

export interface LogRecord {
  offset: number
  /** When the log took the record, milliseconds since 1970; in a topic of Kafka that was made elsewhere perhaps what its sender's clock said. */
  timestampMillis: number
  key: Uint8Array | null
  value: Uint8Array | null
  headers: LogHeader[]
}

export interface LogHeader {
  name: string
  value: Uint8Array
}

export interface OutgoingRecord {
  key: Uint8Array
  value: Uint8Array
  headers?: LogHeader[]
  /** Where it is left out, the key decides as it does for Kafka's Java clients (murmur2). */
  partition?: number
}

export interface LogProducer {
  /**
   * Resolves when all are acknowledged. Wait for one send before the next: then each partition keeps the order of the records,
   * also over retries, of which an earlier record may come twice.
   */
  send(topic: string, records: readonly OutgoingRecord[], call?: Call): Promise<void>
  close(): Promise<void>
}

export interface GroupOptions {
  /** Members with the same belong together. */
  groupId: string
  /** How long a member may be silent; 6 seconds unless told. Members make themselves heard by themselves, also while they are busy. */
  sessionTimeoutMillis?: number
}

/** One membership in a group. */
export interface LogGroup {
  /**
   * What comes next for this member, or null where nothing came within the wait. Wait for one before asking for the next. Records of each partition
   * come in order, from where the group has committed (the beginning, at first). DATA_LOST, once, where the log gave up what comes next; the call after
   * goes on with what is left.
   */
  next(limits: { maxBytes: number; waitMillis: number }, call?: Call): Promise<GroupEvent | null>

  /** Who gets the partition after this member begins there. CONFLICT where one of the partitions is not this member's any more. */
  commit(offsets: readonly PartitionOffset[], call?: Call): Promise<void>

  /** Leaves, so that others go on at once. */
  leave(): Promise<void>
}

export type GroupEvent =
  /** These belong to the member from now on. */
  | { kind: 'assigned'; partitions: AssignedPartition[] }
  /** These do not belong to the member any more: another may be at them already. No records of them follow. */
  | { kind: 'revoked'; partitions: number[] }
  | { kind: 'records'; partition: number; records: LogRecord[]; nextOffset: number }

export interface AssignedPartition extends PartitionOffset {
  /** Aborted as soon as it is known that the partition belongs to the member no more, before the event says so. */
  revoked: AbortSignal
}

export interface PartitionOffset {
  partition: number
  offset: number
}
