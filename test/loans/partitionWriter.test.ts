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

test('a write that is slow is begun again, and the first to end counts', async () => {
  const { publisher, signals } = publisherWith(2)
  const written = createPartitionWriter(publisher, () => false).write(PARTITION, 'dataset', {})
  await vi.advanceTimersByTimeAsync(1_900)
  expect(signals).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(100)
  expect(await written).toBe(STATUS)
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
})

test('while a part of the storage hangs few writes are under way at a time, and as many as before once it does not', async () => {
  const { publisher, signals } = publisherWith(Number.POSITIVE_INFINITY)
  let impaired = true
  const writer = createPartitionWriter(publisher, () => impaired)
  const write = (county: number) => void writer.write({ ...PARTITION, county }, 'dataset', {}).catch(() => {})
  for (let county = 1; county <= 10; county++) write(county)
  await vi.advanceTimersByTimeAsync(0)
  expect(signals).toHaveLength(3)
  impaired = false
  write(11)
  await vi.advanceTimersByTimeAsync(0)
  expect(signals).toHaveLength(11)
})

test('the writes that waited while a part of the storage hung start with the first that ends once it does not', async () => {
  const ends: ((status: FileStatus) => void)[] = []
  const publisher: Publisher = {
    publish: () => new Promise(resolve => ends.push(resolve)),
    sweep: async () => [],
  }
  let impaired = true
  const writer = createPartitionWriter(publisher, () => impaired)
  for (let county = 1; county <= 10; county++) void writer.write({ ...PARTITION, county }, 'dataset', {})
  await vi.advanceTimersByTimeAsync(0)
  expect(ends).toHaveLength(3)
  impaired = false
  ends[0]!(STATUS)
  await vi.advanceTimersByTimeAsync(0)
  expect(ends).toHaveLength(10)
})
