/** What of the sink can be set; every default in one place. */
export interface SinkSettings {
  /** A batch closes with so many rows, */
  batchRows: number
  /** or with so many bytes of records, */
  batchBytes: number
  /** or so long after its first record. It stays open longer only while the batch before is still being written. */
  batchAgeMillis: number
  /** It also closes with so many records that cannot be decoded, each of which is a file. */
  batchDeadLetters: number
  /** Bytes of records asked for at once. */
  fetchBytes: number
  /** How long the log may wait for a record before it answers with none. */
  fetchWaitMillis: number
  /** Records decoded before other work of the process gets its turn. */
  sliceRecords: number
  /** Replicas of each file. */
  replication: number
  blockBytes: number
  /** After stop(): how long the open batch may take to become a file before it is left to the next start. */
  closeMillis: number
  /** Between attempts while a system does not answer: at first, then doubling up to the most. */
  firstPauseMillis: number
  mostPauseMillis: number
  /** Records that a lost file is made again from, or a begun batch finished with, at most: they are held in memory. */
  rebuildRecords: number
}

export const sinkDefaults: SinkSettings = {
  batchRows: 100_000,
  batchBytes: 8 * 1024 * 1024,
  batchAgeMillis: 1_000,
  batchDeadLetters: 100,
  fetchBytes: 256 * 1024,
  fetchWaitMillis: 1_000,
  sliceRecords: 2_000,
  replication: 2,
  blockBytes: 128 * 1024 * 1024,
  closeMillis: 10_000,
  firstPauseMillis: 200,
  mostPauseMillis: 5_000,
  rebuildRecords: 1_000_000,
}
