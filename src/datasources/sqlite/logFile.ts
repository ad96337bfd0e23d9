import { accessSync, constants, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LogRecord, OffsetRange, OutgoingRecord } from '../log.ts'
import { GROUP_SCHEMA, type GroupFile, openGroupFile } from './groupFile.ts'
import { decodeBatch, encodeBatch, inBatches } from './recordBatch.ts'

/** The tables of an embedded log, synchronous as SQLite is. What it throws is SQLite's own; see explainSqliteError. */
export interface LogFile {
  /** For what is written together; takes the lock for writing at once, and throws where another has it. */
  transaction<T>(work: () => T): T
  /** For what is read together: one state of the file, whatever others write meanwhile. */
  snapshot<T>(work: () => T): T
  /** Its partitions in their order; undefined where there is none of that name. */
  findTopic(name: string): Topic | undefined
  topicCount(): number
  addTopic(name: string, partitions: number): void
  removeTopic(topic: Topic): void
  range(partition: PartitionId): OffsetRange
  /** Within a transaction. */
  append(partition: PartitionId, records: readonly OutgoingRecord[], nowMillis: number): void
  read(partition: PartitionId, from: { offset: number; maxBytes: number }): LogRecord[]
  /** Within a transaction. Gives up what is before `offset`; the file keeps it until nothing of the same batch is left. */
  trim(partition: PartitionId, offset: number): void
  /** About the offset of the first record that is not older; the end where all are. */
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
  CREATE TABLE IF NOT EXISTS batches (
    partition_id INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    at_millis INTEGER NOT NULL,
    records BLOB NOT NULL,
    UNIQUE (partition_id, first_offset)
  ) STRICT;`

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
  const deleteRecords = database.prepare('DELETE FROM batches WHERE partition_id = ? AND end_offset <= ?')
  const rangeOf = database.prepare('SELECT begin_offset, end_offset FROM partitions WHERE id = ?')
  const insertBatch = database.prepare('INSERT INTO batches VALUES (?, ?, ?, ?, ?)')
  const moveEnd = database.prepare('UPDATE partitions SET end_offset = ? WHERE id = ?')
  const moveBegin = database.prepare('UPDATE partitions SET begin_offset = ? WHERE id = ?')
  const batchesFrom = database.prepare(
    `SELECT first_offset, at_millis, records FROM batches
     WHERE partition_id = :partition AND first_offset >= ifnull(
       (SELECT max(first_offset) FROM batches WHERE partition_id = :partition AND first_offset <= :offset), 0)
     ORDER BY first_offset`,
  )
  const offsetSince = database.prepare(
    'SELECT first_offset FROM batches WHERE partition_id = ? AND at_millis >= ? ORDER BY first_offset LIMIT 1',
  )
  const dataVersion = database.prepare('PRAGMA data_version')
  const groups = openGroupFile(database)
  batchesFrom.setReturnArrays(true)
  let ownCommits = 0

  const range = (partition: PartitionId): OffsetRange => {
    const row = rangeOf.get(partition) as { begin_offset: number; end_offset: number }
    return { begin: row.begin_offset, end: row.end_offset }
  }

  function within<T>(begin: string, work: () => T): T {
    database.exec(begin)
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  return {
    groups,
    transaction(work) {
      const result = within('BEGIN IMMEDIATE', work)
      ownCommits += 1
      return result
    },
    snapshot: work => within('BEGIN', work),

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
      for (const batch of inBatches(records)) {
        insertBatch.run(partition, offset, offset + batch.length, nowMillis, encodeBatch(batch))
        offset += batch.length
      }
      moveEnd.run(offset, partition)
    },
    read(partition, { offset, maxBytes }) {
      const records: LogRecord[] = []
      let bytes = 0
      for (const row of batchesFrom.iterate({ partition, offset })) {
        const [firstOffset, atMillis, blob] = row as unknown as BatchRow
        for (const record of decodeBatch(blob, firstOffset, atMillis)) {
          if (record.offset < offset) continue
          bytes += RECORD_OVERHEAD_BYTES + record.key!.length + record.value!.length
          if (records.length > 0 && bytes > maxBytes) return records
          records.push(record)
        }
      }
      return records
    },
    trim(partition, offset) {
      deleteRecords.run(partition, offset)
      moveBegin.run(offset, partition)
    },
    firstSince(partition, millis) {
      const row = offsetSince.get(partition, millis) as { first_offset: number } | undefined
      return row?.first_offset ?? range(partition).end
    },

    version: () => `${(dataVersion.get() as { data_version: number }).data_version} ${ownCommits}`,
    close: () => database.close(),
  }
}

type BatchRow = [firstOffset: number, atMillis: number, records: Uint8Array]

function open(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true })
  // Of which SQLite says no more than that it cannot open the file.
  accessSync(dirname(file), constants.R_OK | constants.W_OK | constants.X_OK)
  const database = new DatabaseSync(file, { timeout: LOCK_MILLIS })
  try {
    // FULL: what was acknowledged is there after a power cut too.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864')
    database.exec(SCHEMA)
    database.exec(GROUP_SCHEMA)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
