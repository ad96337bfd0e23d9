/** What the program asks of its keepers, in the order in which a piece of work comes to it. */
export type Moment =
  /** The source is asked whether it is there. */
  | 'ping'
  /** The rows are asked for. */
  | 'rows'
  /** A batch of rows has been taken in, and the next is asked for. */
  | 'batch taken'
  /** A folder is about to be listed. */
  | 'list'
  /** Bytes of the main file, or of a partition, have arrived. */
  | 'main file read'
  | 'partition read'
  /** A temporary is about to be created. */
  | 'create'
  /** A chunk of a temporary's content has been taken, and the next is asked for. */
  | 'chunk taken'
  /** All of a temporary's content has been taken. */
  | 'content taken'
  /** A temporary stands, and its length is asked for. */
  | 'stat'
  /** A temporary is about to be renamed, or has been. */
  | 'rename'
  | 'renamed'

/** The server dies when it comes to the moment for this time. */
export interface CrashPoint {
  /** To follow "killed with -9". */
  name: string
  moment: Moment
  time: number
}

export const MIGRATION_POINTS: readonly CrashPoint[] = [
  { name: 'as its job starts', moment: 'ping', time: 1 },
  { name: 'before the first row', moment: 'rows', time: 1 },
  { name: 'in the middle of the rows', moment: 'batch taken', time: 2 },
  { name: 'before the new file is begun', moment: 'create', time: 1 },
  { name: 'after the first chunk of the new file', moment: 'chunk taken', time: 1 },
  { name: 'in the middle of the new file', moment: 'chunk taken', time: 9 },
  { name: 'after the last chunk of the new file', moment: 'content taken', time: 1 },
  { name: 'before the length of the new file is checked', moment: 'stat', time: 1 },
  { name: 'before the new file is renamed', moment: 'rename', time: 1 },
  { name: 'after the new file was renamed, before the job is done', moment: 'renamed', time: 1 },
]

export const PARTITION_POINTS: readonly CrashPoint[] = [
  { name: 'before the partitions are listed', moment: 'list', time: 1 },
  { name: 'in the middle of reading the old partitions', moment: 'partition read', time: 4 },
  { name: 'after the counties were read from the main file', moment: 'main file read', time: 2 },
  { name: 'before the first partition is begun', moment: 'create', time: 1 },
  { name: 'after the first chunk of a partition', moment: 'chunk taken', time: 1 },
  { name: 'in the middle of some partitions', moment: 'chunk taken', time: 8 },
  { name: 'after the last chunk of a partition', moment: 'content taken', time: 1 },
  { name: 'before the length of a partition is checked', moment: 'stat', time: 1 },
  { name: 'before the first partition is renamed', moment: 'rename', time: 1 },
  { name: 'after three partitions were renamed', moment: 'renamed', time: 3 },
]
