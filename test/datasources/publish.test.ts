import { link, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localStorage } from '../../src/datasources/localStorage.ts'
import {
  createPublisher,
  parseTemporaryName,
  publish,
  publishNew,
  temporaryName,
} from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { MillraceError } from '../../src/errors.ts'
import { LAYOUT } from '../contract/files.ts'

const UUID = '01234567-89ab-cdef-0123-456789abcdef'
const unavailable = (message: string) => new MillraceError('UNAVAILABLE', message)

let folder: string
let real: Storage
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-publish-'))
  real = localStorage({ folder })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const text = async (path: string) =>
  Buffer.from(await real.read(path, { offset: 0, length: (await real.stat(path)).length })).toString()
const names = async () => (await real.list('/')).map(({ path }) => path)
const publishText = (storage: Storage, content: string, length?: number) =>
  publish(storage, '/file', () => [Buffer.from(content)], LAYOUT, {
    owner: 'us',
    ...(length !== undefined && { length }),
  })

const publishNewText = (storage: Storage, content: string) =>
  publishNew(storage, '/file', () => [Buffer.from(content)], LAYOUT, { owner: 'us' })

describe('publishing what must be new', () => {
  test('takes a file for its own where the answer to the rename was lost', async () => {
    let renames = 0
    const storage: Storage = {
      ...real,
      async renameNew(from, to, call) {
        renames += 1
        await real.renameNew(from, to, call)
        throw unavailable('no answer')
      },
    }
    expect(await publishNewText(storage, 'ours')).toEqual(await real.stat('/file'))
    expect(renames).toBe(1)
    expect(await names()).toEqual(['/file'])
  })

  test('takes a file for its own where a lost rename happens only while it is tried again', async () => {
    let late: (() => Promise<void>) | undefined
    const storage: Storage = {
      ...real,
      async renameNew(from, to, call) {
        if (late) {
          await late()
          return await real.renameNew(from, to, call)
        }
        late = () => real.renameNew(from, to, call)
        throw unavailable('no answer')
      },
    }
    await publishNewText(storage, 'ours')
    expect(await text('/file')).toBe('ours')
    expect(await names()).toEqual(['/file'])
  })

  test('says CONFLICT where the rename failed and somebody else was first, and leaves nothing', async () => {
    const storage: Storage = {
      ...real,
      async renameNew() {
        await real.create('/file', [Buffer.from('theirs')], LAYOUT)
        storage.renameNew = (from, to, call) => real.renameNew(from, to, call)
        throw unavailable('no answer')
      },
    }
    await expect(publishNewText(storage, 'ours')).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await text('/file')).toBe('theirs')
    expect(await names()).toEqual(['/file'])
  })

  test('goes on where it died between a file’s new name and the end of its old one', async () => {
    await real.create('/old', [Buffer.from('whole')], LAYOUT)
    await link(join(folder, 'old'), join(folder, 'file'))
    await real.renameNew('/old', '/file')
    expect(await names()).toEqual(['/file'])
  })
})

describe('checking before publishing', () => {
  test('writes again what a second look finds wrong, and shows nothing of it', async () => {
    const seen: string[] = []
    await createPublisher(real, 'us').publish('/file', () => [Buffer.from('whole')], LAYOUT, {
      async check({ path, length }) {
        expect(await names()).toEqual([path])
        expect(length).toBe(5)
        seen.push(path)
        if (seen.length === 1) throw new MillraceError('DATA_LOST', 'other bytes')
      },
    })
    expect(new Set(seen).size).toBe(2)
    expect(await names()).toEqual(['/file'])
  })
})

describe('publishing', () => {
  test('tries a doubtful write again under another name, with the content from its start', async () => {
    const tried: string[] = []
    const storage: Storage = {
      ...real,
      async create(path, content, layout, call) {
        tried.push(path)
        await real.create(path, content, layout, call)
        if (tried.length < 3) throw unavailable('no reply')
      },
    }
    const status = await publishText(storage, 'whole')
    expect(new Set(tried).size).toBe(3)
    expect(status).toEqual(await real.stat('/file'))
    expect(await text('/file')).toBe('whole')
    expect(await names()).toEqual(['/file'])
  })

  test('tries again what was cut short on its way, and never renames it', async () => {
    let creates = 0
    const storage: Storage = {
      ...real,
      async create(path, content, layout, call) {
        creates += 1
        for await (const chunk of content) {
          await real.create(path, [creates === 1 ? chunk.subarray(0, 2) : chunk], layout, call)
        }
      },
    }
    await publishText(storage, 'whole')
    expect(creates).toBe(2)
    expect(await text('/file')).toBe('whole')
  })

  test('gives up after three attempts with the last error, and leaves the old file alone', async () => {
    await publishText(real, 'old')
    let creates = 0
    const storage: Storage = {
      ...real,
      async create() {
        creates += 1
        throw unavailable(`attempt ${creates}`)
      },
    }
    await expect(publishText(storage, 'new')).rejects.toThrow('attempt 3')
    expect(creates).toBe(3)
    expect(await text('/file')).toBe('old')
  })

  test('does not try again what is refused', async () => {
    let creates = 0
    const storage: Storage = {
      ...real,
      async create() {
        creates += 1
        throw new MillraceError('FORBIDDEN', 'no')
      },
    }
    await expect(publishText(storage, 'new')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(creates).toBe(1)
  })

  test('does not take a source that is UNAVAILABLE for a storage that is', async () => {
    let calls = 0
    const failure = unavailable('the database went away')
    const content = () => {
      calls += 1
      throw failure
    }
    await expect(publish(real, '/file', content, LAYOUT, { owner: 'us' })).rejects.toBe(failure)
    expect(calls).toBe(1)
    expect(await names()).toEqual([])
  })

  test('refuses content of another length than promised', async () => {
    await expect(publishText(real, 'four', 5)).rejects.toThrow(
      'expected 5 bytes to write to "/file", the content had 4',
    )
    expect(await names()).toEqual([])
  })

  test('takes a rename whose answer was lost for done where it was done', async () => {
    let renames = 0
    const storage: Storage = {
      ...real,
      async rename(from, to, call) {
        renames += 1
        await real.rename(from, to, call)
        throw unavailable('no answer')
      },
    }
    await publishText(storage, 'new')
    expect(renames).toBe(1)
    expect(await text('/file')).toBe('new')
  })

  test('renames again what was not renamed, without writing again', async () => {
    let renames = 0
    let creates = 0
    const storage: Storage = {
      ...real,
      create: (...request) => {
        creates += 1
        return real.create(...request)
      },
      async rename(from, to, call) {
        renames += 1
        if (renames < 3) throw unavailable('no answer')
        await real.rename(from, to, call)
      },
    }
    await publishText(storage, 'new')
    expect([creates, renames]).toEqual([1, 3])
    expect(await names()).toEqual(['/file'])
  })

  test('tells the first error, not that of cleaning up after it', async () => {
    const storage: Storage = {
      ...real,
      async create() {
        throw new MillraceError('FORBIDDEN', 'the real reason')
      },
      async remove() {
        throw unavailable('another')
      },
    }
    await expect(publishText(storage, 'new')).rejects.toThrow('the real reason')
  })

  test('removes a temporary that appears only after the write was given up', async () => {
    let looked = 0
    const storage: Storage = {
      ...real,
      async create() {
        throw new Error('cancelled')
      },
      async stat(path, call) {
        looked += 1
        if (looked === 2) await real.create(path, [], LAYOUT)
        return await real.stat(path, call)
      },
    }
    await expect(publishText(storage, 'new')).rejects.toThrow('cancelled')
    expect(looked).toBe(2)
    expect(await names()).toEqual([])
  })

  test('stops trying as soon as it is cancelled', async () => {
    const cancel = new AbortController()
    const reason = new Error('cancelled')
    let creates = 0
    const storage: Storage = {
      ...real,
      async create() {
        creates += 1
        queueMicrotask(() => cancel.abort(reason))
        throw unavailable('no reply')
      },
    }
    const publisher = createPublisher(storage, 'us')
    const options = { call: { signal: cancel.signal } }
    await expect(publisher.publish('/file', () => [], LAYOUT, options)).rejects.toBe(reason)
    expect(creates).toBe(1)
  })
})

describe('the name of a temporary', () => {
  test('says of what it is and whose', () => {
    expect(temporaryName('55025.parquet', 'us', UUID)).toBe(`.55025.parquet.us.${UUID}.tmp`)
    expect(parseTemporaryName(`.55025.parquet.us.${UUID}.tmp`)).toEqual({
      name: '55025.parquet',
      owner: 'us',
      uuid: UUID,
    })
  })

  test.each([
    '55025.parquet',
    '.hidden.tmp',
    '.a.b.c.tmp',
    `a.us.${UUID}.tmp`,
    `.a.us.${UUID}`,
    `..us.${UUID}.tmp`,
    '',
  ])('is not %j', name => {
    expect(parseTemporaryName(name)).toBeUndefined()
  })

  test.each(['', 'a.b', 'a/b', 'a b', 'x'.repeat(65)])('refuses the owner %j', owner => {
    expect(() => temporaryName('file', owner, UUID)).toThrow('expected an owner')
  })

  test('is read back whatever the file is called, and is never too long for a file system', () => {
    const owner = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 255 })
    fc.assert(
      fc.property(name, owner, fc.uuid(), (name, owner, uuid) => {
        const temporary = temporaryName(name, owner, uuid)
        expect(Buffer.byteLength(temporary)).toBeLessThanOrEqual(255)
        const parsed = parseTemporaryName(temporary)
        expect(parsed).toMatchObject({ owner, uuid })
        expect(name.startsWith(parsed!.name)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
