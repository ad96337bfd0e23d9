import pLimit from 'p-limit'
import type { Storage } from '../datasources/storage.ts'
import { PARTITIONS_FOLDER, partitionPath } from './partitionFile.ts'

const PARALLEL_REMOVALS = 16

/**
 * Removes the partition files of counties. Safe at any time, since partitions are a cache: the next question for a county makes
 * its partition again, and one that is being answered now may still write its own.
 * @returns The counties that had one, each once, in the order given.
 */
export async function dropPartitions(storage: Storage, counties: readonly number[]): Promise<number[]> {
  const found = new Set((await storage.list(PARTITIONS_FOLDER)).map(({ path }) => path))
  const dropped = [...new Set(counties)].filter(county => found.has(partitionPath(county)))
  const removals = pLimit(PARALLEL_REMOVALS)
  await Promise.all(dropped.map(county => removals(() => storage.remove(partitionPath(county)))))
  return dropped
}
