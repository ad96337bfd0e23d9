import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Storage } from '../../src/datasources/storage.ts'
import { LAYOUT, noise } from './files.ts'
import { testLeasing } from './leasing.ts'
import { testPublishing } from './publishing.ts'

const MIB = 1024 * 1024

/** What every keeper of the storage port must do, whatever it keeps files in. `open` gives an empty storage. */
export function testStorage(name: string, open: () => Promise<Storage>): void {
  describe(name, () => {
    let storage: Storage
    beforeAll(async () => {
      storage = await open()
    })
    afterAll(async () => {
      for (const { path } of await storage.list('/')) await storage.remove(path)
      await storage.close()
    })

    /** A folder that no other test uses. */
    const folder = () => `/${randomUUID()}`
    const write = (path: string, ...chunks: Uint8Array[]) => storage.create(path, chunks, LAYOUT)
    const readAll = async (path: string) =>
      Buffer.from(await storage.read(path, { offset: 0, length: (await storage.stat(path)).length }))

    describe('writing and reading', () => {
      test('gives back the bytes of a file, in folders made for it', async () => {
        const path = `${folder()}/a/b/file.bin`
        const bytes = noise(100_003)
        await write(path, bytes.subarray(0, 1), bytes.subarray(1, 70_000), Buffer.alloc(0), bytes.subarray(70_000))
        expect((await readAll(path)).equals(bytes)).toBe(true)
        expect(await storage.stat(path)).toMatchObject({ path, kind: 'file', length: bytes.length, blockBytes: MIB })
      })

      test('takes the content of an async generator', async () => {
        const path = `${folder()}/file.bin`
        const bytes = noise(50_000)
        async function* chunks() {
          for (let start = 0; start < bytes.length; start += 9_999) yield bytes.subarray(start, start + 9_999)
        }
        await storage.create(path, chunks(), LAYOUT)
        expect((await readAll(path)).equals(bytes)).toBe(true)
      })

      test('keeps an empty file', async () => {
        const path = `${folder()}/empty`
        await write(path)
        expect(await storage.stat(path)).toMatchObject({ kind: 'file', length: 0 })
        expect(await storage.read(path, { offset: 0, length: 0 })).toHaveLength(0)
        expect((await storage.blockLocations(path)).blocks).toEqual([])
      })

      test('reads any range, across blocks, to the last byte', async () => {
        const path = `${folder()}/ranges.bin`
        const bytes = noise(2 * MIB + 77)
        await write(path, bytes)
        const ranges = [
          [0, 1],
          [MIB - 1, 2],
          [12_345, MIB + 5],
          [bytes.length - 1, 1],
          [bytes.length, 0],
          [500, 0],
        ] as const
        for (const [offset, length] of ranges) {
          const got = await storage.read(path, { offset, length })
          expect(Buffer.from(got).equals(bytes.subarray(offset, offset + length)), `${length} from ${offset}`).toBe(
            true,
          )
        }
      })

      test('says DATA_LOST for bytes beyond the end, and where the file ends', async () => {
        const path = `${folder()}/short`
        await write(path, Buffer.from('12345'))
        for (const range of [
          { offset: 4, length: 2 },
          { offset: 5, length: 1 },
          { offset: 6, length: 0 },
          { offset: 1000, length: 10 },
        ]) {
          await expect(storage.read(path, range), JSON.stringify(range)).rejects.toMatchObject({ code: 'DATA_LOST' })
        }
        await expect(storage.read(path, { offset: 4, length: 2 })).rejects.toThrow('ends at byte 5')
      })

      test('streams 20 MB in many blocks, and reads it back in parallel', async () => {
        const path = `${folder()}/large.bin`
        const chunk = noise(MIB / 4)
        function* chunks() {
          for (let index = 0; index < 80; index += 1) yield chunk
        }
        await storage.create(path, chunks(), LAYOUT)
        const cost = { requests: 0, bytes: 0 }
        const parts = await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            storage.read(path, { offset: index * 10 * chunk.length, length: 10 * chunk.length }, { cost }),
          ),
        )
        expect(parts.every(part => Buffer.from(part).equals(Buffer.concat(Array(10).fill(chunk))))).toBe(true)
        expect(cost.bytes).toBe(80 * chunk.length)
        const { blocks, length } = await storage.blockLocations(path)
        expect(length).toBe(80 * chunk.length)
        expect(blocks.map(block => block.offset)).toEqual(Array.from({ length: 20 }, (_, index) => index * MIB))
        expect(blocks.every(block => block.length === MIB && block.dataNodes.length >= 1)).toBe(true)
      })

      test('writes a file anew, and its id differs', async () => {
        const path = `${folder()}/file`
        await write(path, Buffer.from('first and longer'))
        const before = await storage.stat(path)
        await write(path, Buffer.from('second'))
        const after = await storage.stat(path)
        expect((await readAll(path)).toString()).toBe('second')
        expect(after.fileId).not.toBe(before.fileId)
      })

      test.each([
        'with space',
        'ünïcödé 日本 🚀',
        'a%2Fb',
        '100%',
        'a+b',
        'a=b&c',
        "it's",
        'semi;colon',
        'q?m',
        '[x]{y}|^`"<>',
        'back\\slash',
        '.hidden',
      ])('takes the name %j', async name => {
        const at = folder()
        await write(`${at}/${name}`, Buffer.from(name))
        expect((await readAll(`${at}/${name}`)).toString()).toBe(name)
        await storage.rename(`${at}/${name}`, `${at}/moved ${name}`)
        expect((await storage.list(at)).map(({ path }) => path)).toEqual([`${at}/moved ${name}`])
        await storage.remove(`${at}/moved ${name}`)
        expect(await storage.list(at)).toEqual([])
      })
    })

    describe('the tree', () => {
      test('lists the children of a folder by name, and nothing deeper', async () => {
        const at = folder()
        for (const name of ['b', 'a', 'C', 'deep/er']) await write(`${at}/${name}`, Buffer.from(name))
        const children = await storage.list(at)
        expect(children.map(({ path, kind }) => [path, kind])).toEqual([
          [`${at}/C`, 'file'],
          [`${at}/a`, 'file'],
          [`${at}/b`, 'file'],
          [`${at}/deep`, 'folder'],
        ])
        expect(children[1]).toEqual(await storage.stat(`${at}/a`))
        expect((await storage.list('/')).map(({ path }) => path)).toContain(at)
      })

      test('says nothing is there, in each operation’s own way', async () => {
        const nowhere = `${folder()}/none`
        expect(await storage.list(nowhere)).toEqual([])
        await storage.remove(nowhere)
        const notFound = { code: 'NOT_FOUND' }
        await expect(storage.stat(nowhere)).rejects.toMatchObject(notFound)
        await expect(storage.read(nowhere, { offset: 0, length: 1 })).rejects.toMatchObject(notFound)
        await expect(storage.read(nowhere, { offset: 0, length: 0 })).rejects.toMatchObject(notFound)
        await expect(storage.blockLocations(nowhere)).rejects.toMatchObject(notFound)
        await expect(storage.rename(nowhere, `${folder()}/x/y`)).rejects.toMatchObject(notFound)
      })

      test('names the path as the storage has it', async () => {
        await expect(storage.stat('/no/such file')).rejects.toThrow('"/no/such file"')
      })

      test('moves a folder with all that is in it to a free name, and it stays the same folder', async () => {
        const at = folder()
        await write(`${at}/from/deep/file`, Buffer.from('x'))
        const { fileId } = await storage.stat(`${at}/from`)
        await storage.rename(`${at}/from`, `${at}/.to`)
        expect(await storage.stat(`${at}/.to`)).toMatchObject({ kind: 'folder', fileId })
        expect((await storage.list(`${at}/.to/deep`)).map(({ path }) => path)).toEqual([`${at}/.to/deep/file`])
        await expect(storage.stat(`${at}/from`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      })

      test('says BAD_USER_INPUT for a folder in the place of a file', async () => {
        const at = folder()
        await write(`${at}/folder/file`, Buffer.from('x'))
        const wrong = { code: 'BAD_USER_INPUT' }
        expect(await storage.stat(`${at}/folder`)).toMatchObject({ kind: 'folder', length: 0 })
        await expect(storage.read(`${at}/folder`, { offset: 0, length: 1 })).rejects.toMatchObject(wrong)
        await expect(storage.blockLocations(`${at}/folder`)).rejects.toMatchObject(wrong)
        await expect(write(`${at}/folder`, Buffer.from('x'))).rejects.toMatchObject(wrong)
        await write(`${at}/other`, Buffer.from('y'))
        await expect(storage.rename(`${at}/other`, `${at}/folder`)).rejects.toMatchObject(wrong)
      })

      test('a file has no children', async () => {
        const at = folder()
        await write(`${at}/file`, Buffer.from('x'))
        await expect(storage.list(`${at}/file`)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        await expect(write(`${at}/file/child`, noise(3 * MIB))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        await expect(storage.stat(`${at}/file/child`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        expect(await storage.list(`${at}/file/child`)).toEqual([])
        await storage.remove(`${at}/file/child`)
        expect((await readAll(`${at}/file`)).toString()).toBe('x')
      })

      test.each(['relative', '/a//b', '/a/', '/../etc/passwd', '/a/../../b', '/a/./b', '/a\0b'])(
        'refuses the path %j',
        async path => {
          const refused = { code: 'BAD_USER_INPUT' }
          await expect(storage.stat(path)).rejects.toMatchObject(refused)
          await expect(storage.read(path, { offset: 0, length: 1 })).rejects.toMatchObject(refused)
          await expect(write(path, Buffer.from('x'))).rejects.toMatchObject(refused)
          await expect(storage.remove(path)).rejects.toMatchObject(refused)
        },
      )

      test('does not remove the whole storage', async () => {
        await expect(storage.remove('/')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
      })

      test('renames over an existing file, and readers see one whole file or the other', async () => {
        const at = folder()
        const contents = ['A', 'B'].map(letter => Buffer.alloc(200_000, letter))
        await write(`${at}/file`, contents[0]!)
        let renamed = false
        const renames = (async () => {
          for (let turn = 1; turn <= 10; turn += 1) {
            await write(`${at}/new`, contents[turn % 2]!)
            await storage.rename(`${at}/new`, `${at}/file`)
          }
          renamed = true
        })()
        do {
          const bytes = await storage.read(`${at}/file`, { offset: 0, length: 200_000 }).catch((error: unknown) => {
            // HDFS says so where the file was replaced between the two halves of a read.
            expect(error).toMatchObject({ code: 'NOT_FOUND' })
            return undefined
          })
          if (bytes) expect(contents.some(content => content.equals(bytes))).toBe(true)
        } while (!renamed)
        await renames
        expect((await storage.list(at)).map(({ path }) => path)).toEqual([`${at}/file`])
      })
    })

    describe('renaming where nothing may be', () => {
      test('moves a file to a free name, in folders made for it, and it stays the same file', async () => {
        const at = folder()
        await write(`${at}/new`, Buffer.from('content'))
        const { fileId } = await storage.stat(`${at}/new`)
        await storage.renameNew(`${at}/new`, `${at}/deep/er/file`)
        expect((await readAll(`${at}/deep/er/file`)).toString()).toBe('content')
        expect((await storage.stat(`${at}/deep/er/file`)).fileId).toBe(fileId)
        await expect(storage.stat(`${at}/new`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      })

      test('says CONFLICT where a file is, and changes nothing', async () => {
        const at = folder()
        await write(`${at}/new`, Buffer.from('new'))
        await write(`${at}/file`, Buffer.from('old'))
        const before = await storage.list(at)
        await expect(storage.renameNew(`${at}/new`, `${at}/file`)).rejects.toMatchObject({ code: 'CONFLICT' })
        await expect(storage.renameNew(`${at}/new`, `${at}/new`)).rejects.toMatchObject({ code: 'CONFLICT' })
        expect(await storage.list(at)).toEqual(before)
        expect((await readAll(`${at}/file`)).toString()).toBe('old')
      })

      test('tells a missing source, a folder and a file in place of a folder apart', async () => {
        const at = folder()
        await write(`${at}/folder/file`, Buffer.from('x'))
        await expect(storage.renameNew(`${at}/none`, `${at}/free`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await expect(storage.renameNew(`${at}/none`, `${at}/no/folder`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await expect(storage.renameNew(`${at}/none`, `${at}/folder/file`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await write(`${at}/new`, Buffer.from('y'))
        const wrong = { code: 'BAD_USER_INPUT' }
        await expect(storage.renameNew(`${at}/new`, `${at}/folder`)).rejects.toMatchObject(wrong)
        await expect(storage.renameNew(`${at}/new`, `${at}/folder/file/child`)).rejects.toMatchObject(wrong)
        expect((await readAll(`${at}/new`)).toString()).toBe('y')
      })

      test('lets exactly one of many through to one name', async () => {
        const at = folder()
        const writers = Array.from({ length: 8 }, (_, index) => index)
        for (const writer of writers) await write(`${at}/from-${writer}`, Buffer.from(`${writer}`))
        const outcomes = await Promise.allSettled(
          writers.map(writer => storage.renameNew(`${at}/from-${writer}`, `${at}/to`)),
        )
        const winners = writers.filter(writer => outcomes[writer]!.status === 'fulfilled')
        expect(winners).toHaveLength(1)
        expect((await readAll(`${at}/to`)).toString()).toBe(`${winners[0]}`)
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'CONFLICT' })
        }
        expect(await storage.list(at)).toHaveLength(writers.length)
      })
    })

    describe('the machine', () => {
      test('answers a ping with a detail, names its DataNodes, and shows a URL', async () => {
        expect(await storage.ping()).toMatch(/\w+/)
        const nodes = await storage.dataNodes()
        expect(nodes.length).toBeGreaterThan(0)
        for (const node of nodes) {
          expect(node.state).toBe('LIVE')
          expect(node.capacityBytes).toBeGreaterThan(0)
          expect(Math.abs(Date.now() - node.lastContact!.getTime())).toBeLessThan(60_000)
        }
        expect(storage.url).toMatch(/^(file|webhdfs):/)
      })

      test('adds up what calls cost', async () => {
        const path = `${folder()}/file`
        await write(path, Buffer.from('12345'))
        const cost = { requests: 0, bytes: 0 }
        await storage.stat(path, { cost })
        expect(cost).toEqual({ requests: 1, bytes: 0 })
        await storage.read(path, { offset: 1, length: 3 }, { cost })
        expect(cost).toEqual({ requests: storage.kind === 'webhdfs' ? 3 : 2, bytes: 3 })
      })
    })

    describe('cancelling', () => {
      const reason = new Error('enough')

      test('throws the reason at once where the signal is aborted already', async () => {
        const call = { signal: AbortSignal.abort(reason) }
        await expect(storage.stat('/', call)).rejects.toBe(reason)
        await expect(storage.read('/x', { offset: 0, length: 1 }, call)).rejects.toBe(reason)
        await expect(storage.create('/x', [], LAYOUT, call)).rejects.toBe(reason)
        await expect(storage.dataNodes(call)).rejects.toBe(reason)
      })

      test('ends a write that waits for its content, and tells the content', async () => {
        const path = `${folder()}/file`
        const cancel = new AbortController()
        let told = false
        async function* chunks() {
          try {
            yield noise(10)
            cancel.abort(reason)
            yield noise(10)
          } finally {
            told = true
          }
        }
        await expect(storage.create(path, chunks(), LAYOUT, { signal: cancel.signal })).rejects.toBe(reason)
        expect(told).toBe(true)
      })

      test('ends a write whose content never comes', async () => {
        const cancel = new AbortController()
        async function* chunks() {
          yield noise(10)
          queueMicrotask(() => cancel.abort(reason))
          await new Promise(() => {})
        }
        const writing = storage.create(`${folder()}/file`, chunks(), LAYOUT, { signal: cancel.signal })
        await expect(writing).rejects.toBe(reason)
      })
    })

    describe('publishing', () => testPublishing(() => storage))
    describe('a lease', () => testLeasing(() => storage))
  })
}
