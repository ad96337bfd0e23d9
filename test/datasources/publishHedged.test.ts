import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Publisher } from '../../src/datasources/publish.ts'
import { publishHedged } from '../../src/datasources/publishHedged.ts'
import type { FileStatus } from '../../src/datasources/storage.ts'

const STATUS = { path: '/file' } as FileStatus
const LAYOUT = { replication: 1, blockBytes: 1 << 20 }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Takes all content, then waits where `stalls` says so for this write. */
function publisherThat(stalls: (write: number) => boolean) {
  const signals: AbortSignal[] = []
  const publisher: Publisher = {
    async publish(_path, content, _layout, options) {
      const signal = options!.call!.signal!
      const write = signals.push(signal)
      for await (const _ of content());
      if (!stalls(write)) return STATUS
      return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
    sweep: async () => [],
  }
  return { publisher, signals }
}

test('a storage that has all and says nothing is given the content again beside it', async () => {
  const { publisher, signals } = publisherThat(write => write === 1)
  const published = publishHedged(publisher, 100, '/file', () => [new Uint8Array(1)], LAYOUT)
  await vi.advanceTimersByTimeAsync(99)
  expect(signals).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(await published).toBe(STATUS)
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
})

test('content that takes its time is waited for, however long', async () => {
  const { publisher, signals } = publisherThat(() => false)
  const more = Promise.withResolvers<void>()
  async function* content() {
    yield new Uint8Array(1)
    await more.promise
    yield new Uint8Array(1)
  }
  const published = publishHedged(publisher, 100, '/file', content, LAYOUT)
  await vi.advanceTimersByTimeAsync(60_000)
  more.resolve()
  expect(await published).toBe(STATUS)
  expect(signals).toHaveLength(1)
})

test('the caller ends all', async () => {
  const { publisher, signals } = publisherThat(() => true)
  const cancel = new AbortController()
  const call = { signal: cancel.signal }
  const published = publishHedged(publisher, 100, '/file', () => [new Uint8Array(1)], LAYOUT, { call })
  await vi.advanceTimersByTimeAsync(1_000)
  expect(signals).toHaveLength(3)
  cancel.abort(new Error('cancelled'))
  await expect(published).rejects.toThrow('cancelled')
})
