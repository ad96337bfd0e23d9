import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Publisher } from '../../src/datasources/publish.ts'
import type { FileStatus } from '../../src/datasources/storage.ts'
import type { PartitionFile } from '../../src/loans/partitionFile.ts'
import { createPartitionWriter } from '../../src/loans/partitionWriter.ts'

const PARTITION = { county: 55001, parts: [new Uint8Array(10)], length: 10 } as unknown as PartitionFile
const STATUS = { path: '/partitions/55001.parquet' } as FileStatus

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Of its writes, those before `healthy` wait for their signal, as one to a hung DataNode does. */
function publisherWith(healthy: number) {
  const signals: AbortSignal[] = []
  const publisher: Publisher = {
    async publish(_path, _content, _layout, options) {
      const signal = options!.call!.signal!
      signals.push(signal)
      if (signals.length >= healthy) return STATUS
      return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
    sweep: async () => [],
  }
  return { publisher, signals }
}

test('while a part of the storage hangs a write is begun again soon, and the ones that hang are ended', async () => {
  const { publisher, signals } = publisherWith(3)
  const written = createPartitionWriter(publisher, () => true).write(PARTITION, 'dataset', {})
  await vi.advanceTimersByTimeAsync(100)
  expect(await written).toBe(STATUS)
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false])
})

test('else it is waited for', async () => {
  const { publisher, signals } = publisherWith(2)
  const written = createPartitionWriter(publisher, () => false).write(PARTITION, 'dataset', {})
  await vi.advanceTimersByTimeAsync(1_900)
  expect(signals).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(100)
  expect(await written).toBe(STATUS)
})
