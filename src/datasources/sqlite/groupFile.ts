import type { DatabaseSync } from 'node:sqlite'
import type { PartitionId, Topic } from './logFile.ts'

/** The tables of groups, beside those of records. All but `committed` run within a transaction. */
export interface GroupFile {
  /** Adds a member, whose place in the order of members is that of its coming. */
  join(member: Member, nowMillis: number): void
  /** False where the member is not in the group any more: it was silent for longer than its session. */
  beat(memberId: string, nowMillis: number): boolean
  /** Puts out the members whose session is over, and frees what they had. */
  expire(groupId: string, topic: Topic, nowMillis: number): void
  /** Frees what is more than the member's share, and takes what is free up to it; gives what it has then. */
  share(member: Member, topic: Topic): PartitionId[]
  /** Frees what the member had. */
  leave(memberId: string): void
  ownerOf(groupId: string, partition: PartitionId): string | undefined
  commit(groupId: string, partition: PartitionId, offset: number): void
  committed(groupId: string, partition: PartitionId): number | undefined
  /** Forgets all groups of a topic that is being removed. */
  removeTopic(topic: Topic): void
}

export interface Member {
  id: string
  groupId: string
  topicId: number
  sessionMillis: number
}

export const GROUP_SCHEMA = `
  CREATE TABLE IF NOT EXISTS group_members (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    group_id TEXT NOT NULL,
    topic_id INTEGER NOT NULL,
    session_millis INTEGER NOT NULL,
    heard_millis INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS group_owners (
    group_id TEXT NOT NULL,
    partition_id INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (group_id, partition_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS group_offsets (
    group_id TEXT NOT NULL,
    partition_id INTEGER NOT NULL,
    committed_offset INTEGER NOT NULL,
    PRIMARY KEY (group_id, partition_id)
  ) STRICT, WITHOUT ROWID;`

/** On a database that has GROUP_SCHEMA. */
export function openGroupFile(database: DatabaseSync): GroupFile {
  const insertMember = database.prepare(
    'INSERT INTO group_members (id, group_id, topic_id, session_millis, heard_millis) VALUES (?, ?, ?, ?, ?)',
  )
  const hear = database.prepare('UPDATE group_members SET heard_millis = ? WHERE id = ?')
  const silent = database.prepare(
    'SELECT id FROM group_members WHERE group_id = ? AND topic_id = ? AND heard_millis + session_millis < ?',
  )
  const membersOf = database.prepare('SELECT id FROM group_members WHERE group_id = ? AND topic_id = ? ORDER BY place')
  const deleteMember = database.prepare('DELETE FROM group_members WHERE id = ?')
  const deleteMembers = database.prepare('DELETE FROM group_members WHERE topic_id = ?')
  const ownerOf = database.prepare('SELECT member_id FROM group_owners WHERE group_id = ? AND partition_id = ?')
  const own = database.prepare('INSERT INTO group_owners (group_id, partition_id, member_id) VALUES (?, ?, ?)')
  const free = database.prepare('DELETE FROM group_owners WHERE group_id = ? AND partition_id = ?')
  const freeAll = database.prepare('DELETE FROM group_owners WHERE member_id = ?')
  const freeEverywhere = database.prepare('DELETE FROM group_owners WHERE partition_id = ?')
  const offsetOf = database.prepare(
    'SELECT committed_offset FROM group_offsets WHERE group_id = ? AND partition_id = ?',
  )
  const setOffset = database.prepare(
    `INSERT INTO group_offsets (group_id, partition_id, committed_offset) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET committed_offset = excluded.committed_offset`,
  )
  const forgetOffsets = database.prepare('DELETE FROM group_offsets WHERE partition_id = ?')

  const findOwner = (groupId: string, partition: PartitionId) =>
    (ownerOf.get(groupId, partition) as { member_id: string } | undefined)?.member_id

  function leave(memberId: string): void {
    freeAll.run(memberId)
    deleteMember.run(memberId)
  }

  return {
    leave,
    ownerOf: findOwner,
    join({ id, groupId, topicId, sessionMillis }, nowMillis) {
      insertMember.run(id, groupId, topicId, sessionMillis, nowMillis)
    },
    beat: (memberId, nowMillis) => hear.run(nowMillis, memberId).changes > 0,
    expire(groupId, { id }, nowMillis) {
      for (const member of silent.all(groupId, id, nowMillis) as { id: string }[]) leave(member.id)
    },
    share({ id, groupId }, topic) {
      const members = (membersOf.all(groupId, topic.id) as { id: string }[]).map(member => member.id)
      const share = shareOf(members.indexOf(id), members.length, topic.partitions.length)
      const owners = topic.partitions.map(partition => findOwner(groupId, partition))
      const mine = topic.partitions.filter((_, index) => owners[index] === id)
      for (const partition of mine.splice(share)) free.run(groupId, partition)
      const unowned = topic.partitions.filter((_, index) => owners[index] === undefined)
      const taken = unowned.slice(0, share - mine.length)
      for (const partition of taken) own.run(groupId, partition, id)
      return [...mine, ...taken]
    },
    commit(groupId, partition, offset) {
      setOffset.run(groupId, partition, offset)
    },
    committed: (groupId, partition) =>
      (offsetOf.get(groupId, partition) as { committed_offset: number } | undefined)?.committed_offset,
    removeTopic({ id, partitions }) {
      deleteMembers.run(id)
      for (const partition of partitions) {
        freeEverywhere.run(partition)
        forgetOffsets.run(partition)
      }
    },
  }
}

/** As even as can be; those who came first have one more where it does not come out even. */
function shareOf(place: number, members: number, partitions: number): number {
  return Math.floor(partitions / members) + (place < partitions % members ? 1 : 0)
}
