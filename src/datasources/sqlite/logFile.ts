import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LogRecord, OffsetRange, OutgoingRecord } from '../log.ts'
import { type GroupFile, openGroupFile } from './groupFile.ts'
import { decodeHeaders, encodeHeaders } from './logHeaders.ts'

/** The tables of an embedded log, synchronous as SQLite is. What it throws is SQLite's own; see explainSqliteError. */
export interface LogFile {
  /** For what one transaction must hold together; takes the lock for writing at once, and throws where another has it. */
  transaction<T>(work: () => T): T
  /** Its partitions in their order; undefined where there is none of that name. */
  findTopic(name: string): Topic | undefined
  topicCount(): number
  addTopic(name: string, partitions: number): void
  removeTopic(topic: Topic): void
  range(partition: PartitionId): OffsetRange
  /** Within a transaction. */
  append(partition: PartitionId, records: readonly OutgoingRecord[], nowMillis: number): void
  read(partition: PartitionId, from: { offset: number; maxBytes: number }): LogRecord[]
  /** Within a transaction. Removes what is before `offset`. */
  trim(partition: PartitionId, offset: number): void
  /** The offset of the first record that is not older; the end where all are. */
  firstSince(partition: PartitionId, millis: number): number
  /** Changes with every commit, of whatever process. */
  version(): string
  readonly groups: GroupFile
  close(): void
}

export interface Topic {
  id: number
  partitions: PartitionId[]
}

/** Never used again for another partition, also not of a topic that is made anew. */
export type PartitionId = number

/** Longer waits are the caller's, who does not block the thread. */
const LOCK_MILLIS = 20
/** What a record counts beside its bytes, so that records of no bytes are many but not endless. */
const RECORD_OVERHEAD_BYTES = 16

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS topics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    begin_offset INTEGER NOT NULL DEFAULT 0,
    end_offset INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic_id, number)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS records (
    partition_id INTEGER NOT NULL,
    record_offset INTEGER NOT NULL,
    at_millis INTEGER NOT NULL,
    key BLOB,
    value BLOB,
    headers BLOB,
    PRIMARY KEY (partition_id, record_offset)
  ) STRICT, WITHOUT ROWID;`

/** Opens the file, making it and its folder where they are missing. Several processes may have it open. */
export function openLogFile(file: string): LogFile {
  const database = open(file)
  const topicNamed = database.prepare('SELECT id FROM topics WHERE name = ?')
  const countTopics = database.prepare('SELECT count(*) AS count FROM topics')
  const partitionsOf = database.prepare('SELECT id FROM partitions WHERE topic_id = ? ORDER BY number')
  const insertTopic = database.prepare('INSERT INTO topics (name) VALUES (?)')
  const insertPartition = database.prepare('INSERT INTO partitions (topic_id, number) VALUES (?, ?)')
  const deleteTopic = database.prepare('DELETE FROM topics WHERE id = ?')
  const deletePartitions = database.prepare('DELETE FROM partitions WHERE topic_id = ?')
  const deleteRecords = database.prepare('DELETE FROM records WHERE partition_id = ? AND record_offset < ?')
  const rangeOf = database.prepare('SELECT begin_offset, end_offset FROM partitions WHERE id = ?')
  const insertRecord = database.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)')
  const moveEnd = database.prepare('UPDATE partitions SET end_offset = ? WHERE id = ?')
  const moveBegin = database.prepare('UPDATE partitions SET begin_offset = ? WHERE id = ?')
  const recordsFrom = database.prepare(
    `SELECT record_offset, at_millis, key, value, headers FROM records
     WHERE partition_id = ? AND record_offset >= ? ORDER BY record_offset`,
  )
  const offsetSince = database.prepare(
    'SELECT record_offset FROM records WHERE partition_id = ? AND at_millis >= ? ORDER BY record_offset LIMIT 1',
  )
  const dataVersion = database.prepare('PRAGMA data_version')
  const groups = openGroupFile(database)
  recordsFrom.setReturnArrays(true)
  let ownCommits = 0

  const range = (partition: PartitionId): OffsetRange => {
    const row = rangeOf.get(partition) as { begin_offset: number; end_offset: number }
    return { begin: row.begin_offset, end: row.end_offset }
  }

  return {
    groups,
    transaction(work) {
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        database.exec('COMMIT')
        ownCommits += 1
        return result
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },

    findTopic(name) {
      const row = topicNamed.get(name) as { id: number } | undefined
      if (!row) return undefined
      return { id: row.id, partitions: (partitionsOf.all(row.id) as { id: number }[]).map(({ id }) => id) }
    },
    topicCount: () => (countTopics.get() as { count: number }).count,
    addTopic(name, partitions) {
      const { lastInsertRowid } = insertTopic.run(name)
      for (let number = 0; number < partitions; number += 1) insertPartition.run(lastInsertRowid, number)
    },
    removeTopic(topic) {
      const { id, partitions } = topic
      groups.removeTopic(topic)
      for (const partition of partitions) deleteRecords.run(partition, Number.MAX_SAFE_INTEGER)
      deletePartitions.run(id)
      deleteTopic.run(id)
    },

    range,
    append(partition, records, nowMillis) {
      let offset = range(partition).end
      for (const { key, value, headers } of records) {
        insertRecord.run(partition, offset, nowMillis, key, value, encodeHeaders(headers ?? []))
        offset += 1
      }
      moveEnd.run(offset, partition)
    },
    read(partition, { offset, maxBytes }) {
      const records: LogRecord[] = []
      let bytes = 0
      for (const row of recordsFrom.iterate(partition, offset)) {
        const record = recordOf(row as unknown as RecordRow)
        bytes += RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
        if (records.length > 0 && bytes > maxBytes) break
        records.push(record)
      }
      return records
    },
    trim(partition, offset) {
      deleteRecords.run(partition, offset)
      moveBegin.run(offset, partition)
    },
    firstSince(partition, millis) {
      const row = offsetSince.get(partition, millis) as { record_offset: number } | undefined
      return row?.record_offset ?? range(partition).end
    },

    version: () => `${(dataVersion.get() as { data_version: number }).data_version} ${ownCommits}`,
    close: () => database.close(),
  }
}

type RecordRow = [
  offset: number,
  atMillis: number,
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: Uint8Array | null,
]

function recordOf([offset, timestampMillis, key, value, headers]: RecordRow): LogRecord {
  return { offset, timestampMillis, key, value, headers: decodeHeaders(headers) }
}

function open(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true })
  const database = new DatabaseSync(file, { timeout: LOCK_MILLIS })
  try {
    // FULL: what was acknowledged is there after a power cut too.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864')
    database.exec(SCHEMA)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
