/** What of merging can be set; every default in one place. */
export interface CompactionSettings {
  /** So many files that are worth merging are merged by themselves. */
  minFiles: number
  /** Merged files become no larger than this, in bytes. */
  maxBytes: number
  /** Files stay for so long after they were replaced: longer than any reader takes, of which a verification may take ten minutes. */
  keepReplacedMillis: number
  /** Replicas of each file. */
  replication: number
  blockBytes: number
}

export const compactionDefaults: CompactionSettings = {
  minFiles: 16,
  maxBytes: 128 * 1024 * 1024,
  keepReplacedMillis: 15 * 60 * 1000,
  replication: 2,
  blockBytes: 128 * 1024 * 1024,
}
