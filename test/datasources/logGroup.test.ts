import { expect, test } from 'vitest'
import type { FetchFrom } from '../../src/datasources/log.ts'
import { openLogGroup } from '../../src/datasources/logGroup.ts'

const LIMITS = { maxBytes: 1_000, waitMillis: 5_000 }

test('the next records are asked for while the last ones are worked on, and one answer is held', async () => {
  const asked: number[] = []
  const group = await groupOf(({ offset }) => {
    asked.push(offset)
    return Promise.resolve(offset)
  })
  expect(await group.next(LIMITS)).toMatchObject({ kind: 'assigned' })
  expect(await group.next(LIMITS)).toMatchObject({ kind: 'records', nextOffset: 1 })
  expect(asked).toEqual([0, 1])
  // However long the caller takes.
  await new Promise(resolve => setImmediate(resolve))
  expect(asked).toEqual([0, 1])
  expect(await group.next(LIMITS)).toMatchObject({ kind: 'records', nextOffset: 2 })
  expect(asked).toEqual([0, 1, 2])
})

test('what went wrong in the background is told after the records before it', async () => {
  const group = await groupOf(({ offset }) => {
    return offset === 0 ? Promise.resolve(offset) : Promise.reject(new Error('the log is away'))
  })
  expect(await group.next(LIMITS)).toMatchObject({ kind: 'assigned' })
  expect(await group.next(LIMITS)).toMatchObject({ kind: 'records', nextOffset: 1 })
  await expect(group.next(LIMITS)).rejects.toThrow('the log is away')
})

/** A member of a group of its own, with one partition; `fetch` gives the offset of the one record that comes next. */
function groupOf(fetch: (from: FetchFrom) => Promise<number>) {
  return openLogGroup({
    topic: 'numbers',
    async join(events) {
      events.changed([0], false)
      return {
        committed: async partitions => partitions.map(() => undefined),
        commit: async () => {},
        leave: async () => {},
      }
    },
    async fetch(_partition, from) {
      const offset = await fetch(from)
      const record = { offset, timestampMillis: 0, key: null, value: null, headers: [] }
      return { records: [record], nextOffset: offset + 1, endOffset: Number.MAX_SAFE_INTEGER }
    },
    rangeOf: async () => ({ begin: 0, end: Number.MAX_SAFE_INTEGER }),
  })
}
