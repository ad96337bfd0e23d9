import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../src/datasources/clock.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import type { FileStatus, Storage } from '../../src/datasources/storage.ts'
import { settleSwap, statSwapped, swap } from '../../src/datasources/swap.ts'
import { MillraceError } from '../../src/errors.ts'

const LAYOUT = { replication: 1, blockBytes: 1 << 20 }
const PLACE = '/data.parquet'
const STAGED = '/.staged'
/** Time that passes at once. */
const CLOCK: Clock = { nowMillis: () => 0, pause: async () => {}, deadline: () => new AbortController().signal }

let folder: string
let storage: Storage
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-swap-'))
  storage = localStorage({ folder })
})
afterEach(async () => {
  await storage.close()
  await rm(folder, { recursive: true })
})

type Kind = 'file' | 'folder'
const KINDS: [old: Kind, fresh: Kind][] = [
  ['file', 'file'],
  ['file', 'folder'],
  ['folder', 'file'],
  ['folder', 'folder'],
]

async function put(path: string, kind: Kind, text: string): Promise<void> {
  await storage.create(kind === 'file' ? path : `${path}/part`, [Buffer.from(text)], LAYOUT)
}

/** What a reader gets: the text of the one file that there is. */
async function read(of: Storage = storage): Promise<string> {
  const { path, kind } = await statSwapped(of, PLACE)
  const file = kind === 'file' ? path : `${path}/part`
  const { length } = await of.stat(file)
  return Buffer.from(await of.read(file, { offset: 0, length })).toString()
}

test.each(KINDS)('a %s is replaced by a %s, and nothing is left beside it', async (old, fresh) => {
  await put(PLACE, old, 'old')
  await put(STAGED, fresh, 'new')
  await swap(storage, STAGED, PLACE)
  expect(await read()).toBe('new')
  expect(await readdir(folder)).toEqual(['data.parquet'])
})

test('where nothing was, there is the new one', async () => {
  await put(STAGED, 'folder', 'new')
  await swap(storage, STAGED, PLACE)
  expect(await read()).toBe('new')
})

test.each(KINDS)('readers find the old or the new at each step, while a %s is replaced by a %s', async (old, fresh) => {
  await put(PLACE, old, 'old')
  await put(STAGED, fresh, 'new')
  const seen: string[] = []
  const watched: Storage = {
    ...storage,
    async rename(from, to, call) {
      seen.push(await read())
      await storage.rename(from, to, call)
      seen.push(await read())
    },
    async remove(path, call) {
      seen.push(await read())
      await storage.remove(path, call)
    },
  }
  await swap(watched, STAGED, PLACE)
  expect(seen.join(' ')).toMatch(/^(old )+new( new)*$/)
})

test('a check that fails leaves all as it was', async () => {
  await put(PLACE, 'file', 'old')
  await put(STAGED, 'folder', 'new')
  const check = () => Promise.reject(new MillraceError('CONFLICT', 'not ours any more'))
  await expect(swap(storage, STAGED, PLACE, { check })).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(await read()).toBe('old')
  expect((await readdir(folder)).sort()).toEqual(['.staged', 'data.parquet'])
})

test('a new one that was removed meanwhile leaves the old one in place', async () => {
  await put(PLACE, 'file', 'old')
  await put(STAGED, 'folder', 'new')
  await expect(swap(storage, STAGED, PLACE, { check: () => storage.remove(STAGED) })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect(await read()).toBe('old')
  expect(await readdir(folder)).toEqual(['data.parquet'])
})

test('a rename whose answer is lost is recognised, or tried again', async () => {
  await put(PLACE, 'file', 'old')
  await put(STAGED, 'folder', 'new')
  let calls = 0
  const forgetful: Storage = {
    ...storage,
    async rename(from, to, call) {
      calls++
      if (calls % 2 === 1) throw new MillraceError('UNAVAILABLE', 'never arrived')
      await storage.rename(from, to, call)
      throw new MillraceError('UNAVAILABLE', 'arrived, but no answer')
    },
  }
  await swap(forgetful, STAGED, PLACE, { clock: CLOCK })
  expect(calls).toBe(4)
  expect(await read()).toBe('new')
})

test.each([1, 2, 3])(
  'a process that dies before step %i leaves what readers and the next one understand',
  async step => {
    await put(PLACE, 'folder', 'old')
    await put(STAGED, 'file', 'new')
    const never = Promise.withResolvers<never>()
    const dead = Promise.withResolvers<void>()
    let steps = 0
    const dying = async (work: () => Promise<void>) => {
      steps++
      if (steps < step) return await work()
      dead.resolve()
      return await never.promise
    }
    const dyingStorage: Storage = {
      ...storage,
      rename: (from, to, call) => dying(() => storage.rename(from, to, call)),
      remove: (path, call) => dying(() => storage.remove(path, call)),
    }
    void swap(dyingStorage, STAGED, PLACE)
    await dead.promise
    const expected = step === 3 ? 'new' : 'old'
    expect(await read()).toBe(expected)
    await settleSwap(storage, PLACE)
    expect(await read()).toBe(expected)
    await storage.remove(STAGED)
    expect(await readdir(folder)).toEqual(['data.parquet'])
  },
)

test('who looks between two swaps looks again', async () => {
  await put(STAGED, 'folder', 'new')
  const missed = new Set<string>()
  const late: Storage = {
    ...storage,
    async stat(path, call): Promise<FileStatus> {
      if (path !== PLACE || missed.has(path)) return await storage.stat(path, call)
      missed.add(path)
      throw new MillraceError('NOT_FOUND', 'not there at that moment')
    },
  }
  await swap(storage, STAGED, PLACE)
  expect(await read(late)).toBe('new')
  await expect(statSwapped(storage, '/none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
