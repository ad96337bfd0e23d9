import type { Storage } from '../../../src/datasources/storage.ts'

export interface CountingStorage extends Storage {
  /** Paths that were read since the last time. */
  takeReads(): string[]
  /** Called before each read. */
  beforeRead: (path: string) => Promise<void> | void
}

export function countingStorage(storage: Storage): CountingStorage {
  let reads: string[] = []
  const counting: CountingStorage = {
    ...storage,
    beforeRead: () => {},
    async read(path, range, call) {
      reads.push(path)
      await counting.beforeRead(path)
      return storage.read(path, range, call)
    },
    takeReads() {
      const taken = reads
      reads = []
      return taken
    },
  }
  return counting
}
