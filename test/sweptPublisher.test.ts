import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localStorage } from '../src/datasources/localStorage.ts'
import { parseTemporaryName, temporaryName } from '../src/datasources/publish.ts'
import type { FileLayout, Storage } from '../src/datasources/storage.ts'
import { nameOf } from '../src/datasources/storagePath.ts'
import { MillraceError } from '../src/errors.ts'
import { sweptPublisher } from '../src/sweptPublisher.ts'

const SOON = { timeout: 10_000 }
const OWNER = 'this-server'
const LAYOUT: FileLayout = { replication: 1, blockBytes: 1 << 20 }
const FOLDERS = ['/', '/parts']
const LEFT_BEHIND = FOLDERS.map(folder => join(folder, temporaryName('file', OWNER, crypto.randomUUID())))

let folder: string
let storage: Storage
/** What the storage was asked, in order. */
let calls: string[]
/** Folders whose next listing fails. */
let failing: string[]
/** A listing waits for this. */
let mayList: Promise<void>
let logged: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-swept-'))
  storage = localStorage({ folder })
  for (const path of LEFT_BEHIND) await storage.create(path, [], LAYOUT)
  calls = []
  failing = []
  mayList = Promise.resolve()
  logged = []
})
afterEach(() => rm(folder, { recursive: true }))

test('what an earlier process left half-written is swept at the start, before anything is published', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  mayList = promise
  const publisher = start()
  const published = publisher.publish('/new', () => [bytes('x')], LAYOUT)
  expect(calls).toEqual(['list /', 'list /parts'])
  resolve()
  await published
  expect(calls).toEqual(['list /', 'list /parts', 'create'])
  expect(await temporaries()).toEqual([])
})

test('a folder that could not be swept is swept before the next publish, and no more after that', async () => {
  failing = ['/parts']
  const publisher = start()
  await expect.poll(() => logged, SOON).toContain('could not look for half-written files')
  await expect.poll(temporaries, SOON).toEqual([LEFT_BEHIND[1]])
  calls = []
  await publisher.publish('/first', () => [bytes('x')], LAYOUT)
  await publisher.publish('/second', () => [bytes('x')], LAYOUT)
  expect(calls).toEqual(['list /parts', 'create', 'create'])
  expect(await temporaries()).toEqual([])
})

test('a sweep that goes on failing stops no publish', async () => {
  failing = ['/', '/', '/parts', '/parts']
  await start().publish('/new', () => [bytes('x')], LAYOUT)
  expect(calls).toEqual(['list /', 'list /parts', 'list /', 'list /parts', 'create'])
  expect((await storage.stat('/new')).length).toBe(1)
})

test('nothing is swept while a file of this process is half-written', async () => {
  failing = ['/', '/', '/parts', '/parts']
  const publisher = start()
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const slow = publisher.publish('/slow', () => slowContent(mayEnd), LAYOUT)
  await expect.poll(() => calls, SOON).toContain('create')
  calls = []
  await publisher.publish('/quick', () => [bytes('x')], LAYOUT)
  expect(calls).toEqual(['create'])
  end()
  await slow
  expect((await storage.stat('/slow')).length).toBe(2)
  await publisher.publish('/last', () => [bytes('x')], LAYOUT)
  expect(await temporaries()).toEqual([])
})

function start() {
  const log = pino({ level: 'info' }, { write: line => logged.push((JSON.parse(line) as { msg: string }).msg) })
  const watched: Storage = {
    ...storage,
    async list(path, call) {
      calls.push(`list ${path}`)
      await mayList
      const failure = failing.indexOf(path)
      if (failure < 0) return storage.list(path, call)
      failing.splice(failure, 1)
      throw new MillraceError('UNAVAILABLE', 'no answer')
    },
    create(path, content, layout, call) {
      calls.push('create')
      return storage.create(path, content, layout, call)
    },
  }
  return sweptPublisher(watched, OWNER, FOLDERS, log)
}

async function temporaries(): Promise<string[]> {
  const found = await Promise.all(FOLDERS.map(each => storage.list(each)))
  return found
    .flat()
    .map(({ path }) => path)
    .filter(path => parseTemporaryName(nameOf(path)))
}

async function* slowContent(mayEnd: Promise<void>): AsyncGenerator<Uint8Array> {
  yield bytes('x')
  await mayEnd
  yield bytes('y')
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text)
}
