import { expect, test } from 'vitest'
import type { Clock } from '../../src/datasources/clock.ts'
import type { FileStatus } from '../../src/datasources/storage.ts'
import { MillraceError } from '../../src/errors.ts'
import { type NewFile, newFiles } from '../../src/weather/newFiles.ts'
import { memoryStorage } from '../api/testApp.ts'

/** A folder whose files are set by the test, and a clock whose pauses end when it says so. */
function folder(initially: string[] = []) {
  let names: string[] | undefined = initially
  let lists = 0
  const storage = memoryStorage({
    list: async () => {
      lists += 1
      if (names === undefined) throw new MillraceError('UNAVAILABLE', 'no answer')
      return names.map(status)
    },
  })
  let wake = Promise.withResolvers<void>()
  const clock: Clock = {
    nowMillis: () => 0,
    pause: () => wake.promise,
    deadline: () => new AbortController().signal,
  }
  return {
    files: newFiles(storage, { clock }),
    lists: () => lists,
    /** undefined: the storage does not answer. */
    becomes: async (now: string[] | undefined) => {
      const before = lists
      names = now
      wake.resolve()
      wake = Promise.withResolvers()
      await expect.poll(() => lists, { interval: 1 }).toBeGreaterThan(before)
    },
  }
}

function status(name: string): FileStatus {
  const path = `/data/${name}.parquet`
  return { path, kind: 'file', length: 1, modifiedAtMillis: 0, fileId: name, replication: 1, blockBytes: 1 }
}

async function names(reader: AsyncIterableIterator<NewFile>, count: number): Promise<string[]> {
  const seen: string[] = []
  while (seen.length < count) {
    const next = await reader.next()
    if (next.done) break
    seen.push(next.value.status.fileId)
  }
  return seen
}

test('tells of files that come after the first look, in the order of their partition', async () => {
  const old = ['partition-0-batch-0']
  const { files, becomes, lists } = folder(old)
  const reader = files.watch()
  await expect.poll(lists).toBeGreaterThan(0)
  await becomes([...old, 'partition-1-batch-0', 'partition-0-batch-2', 'partition-0-batch-1', 'something-else'])
  expect(await names(reader, 3)).toEqual(['partition-0-batch-1', 'partition-0-batch-2', 'partition-1-batch-0'])
})

test('tells each batch once, whatever is merged meanwhile', async () => {
  const { files, becomes, lists } = folder()
  const reader = files.watch()
  await expect.poll(lists).toBe(1)
  await becomes(['partition-0-batch-0', 'partition-0-batch-1'])
  // Merged before they were seen, with their parts still there; then with the parts gone.
  await becomes(['partition-0-batch-0-to-3', 'partition-0-batch-2', 'partition-0-batch-3'])
  await becomes(['partition-0-batch-0-to-3', 'partition-0-batch-4-to-5'])
  expect(await names(reader, 5)).toEqual([
    'partition-0-batch-0',
    'partition-0-batch-1',
    'partition-0-batch-2',
    'partition-0-batch-3',
    'partition-0-batch-4-to-5',
  ])
})

test('goes on where the storage did not answer for a while', async () => {
  const { files, becomes, lists } = folder()
  const reader = files.watch()
  await expect.poll(lists).toBe(1)
  await becomes(undefined)
  await becomes(undefined)
  await becomes(['partition-3-batch-0'])
  expect(await names(reader, 1)).toEqual(['partition-3-batch-0'])
})

test('looks only while somebody watches', async () => {
  const { files, becomes, lists } = folder()
  expect(lists()).toBe(0)
  const reader = files.watch()
  await expect.poll(lists).toBe(1)
  await becomes([])
  await reader.return?.()
  const again = files.watch()
  await becomes(['partition-0-batch-0'])
  expect(await names(again, 1)).toEqual(['partition-0-batch-0'])
})
