import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { toMillraceError } from '../../src/datasources/localErrors.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { LAYOUT } from '../contract/files.ts'
import { testStorage } from '../contract/storage.ts'

const made: string[] = []
afterAll(async () => {
  await Promise.all(made.map(folder => rm(folder, { recursive: true, force: true })))
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-storage-'))
  made.push(folder)
  return folder
}

testStorage('a directory', async () => localStorage({ folder: join(await newFolder(), 'not/there/yet') }))

describe('a directory with symbolic links', () => {
  async function withLinks() {
    const outside = await newFolder()
    const folder = await newFolder()
    await writeFile(join(outside, 'secret'), 'secret')
    await writeFile(join(folder, 'inside'), 'inside')
    await symlink(outside, join(folder, 'out'))
    await symlink(join(outside, 'secret'), join(folder, 'out-file'))
    await symlink(join(outside, 'missing'), join(folder, 'out-missing'))
    await symlink('inside', join(folder, 'in'))
    return { outside, folder, storage: localStorage({ folder }) }
  }

  test('is not left through a link, whatever is asked', async () => {
    const { outside, storage } = await withLinks()
    const range = { offset: 0, length: 1 }
    const refused = { code: 'FORBIDDEN' }
    for (const path of ['/out/secret', '/out-file']) {
      await expect(storage.stat(path), path).rejects.toMatchObject(refused)
      await expect(storage.read(path, range), path).rejects.toMatchObject(refused)
      await expect(storage.create(path, [Buffer.from('x')], LAYOUT), path).rejects.toMatchObject(refused)
    }
    await expect(storage.create('/out/new', [], LAYOUT)).rejects.toMatchObject(refused)
    await expect(storage.create('/out/deep/new', [], LAYOUT)).rejects.toMatchObject(refused)
    await expect(storage.create('/out-missing', [], LAYOUT)).rejects.toMatchObject(refused)
    await expect(storage.list('/out')).rejects.toMatchObject(refused)
    await expect(storage.remove('/out/secret')).rejects.toMatchObject(refused)
    await expect(storage.rename('/inside', '/out/inside')).rejects.toMatchObject(refused)
    await expect(storage.rename('/out/secret', '/stolen')).rejects.toMatchObject(refused)
    expect(await readdir(outside)).toEqual(['secret'])
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret')
  })

  test('follows a link to a place inside it', async () => {
    const { storage } = await withLinks()
    expect(Buffer.from(await storage.read('/in', { offset: 0, length: 6 })).toString()).toBe('inside')
  })

  test('lists neither a link to the outside nor one to nowhere', async () => {
    const { storage } = await withLinks()
    expect((await storage.list('/')).map(({ path }) => path)).toEqual(['/in', '/inside'])
  })

  test('removes a link and not what it names', async () => {
    const { outside, storage } = await withLinks()
    await storage.remove('/out')
    expect(await readdir(outside)).toEqual(['secret'])
  })
})

describe('a directory', () => {
  test('keeps a file’s id when it is renamed, and changes it when it is replaced behind its back', async () => {
    const folder = await newFolder()
    const storage = localStorage({ folder })
    await storage.create('/a', [Buffer.from('1')], LAYOUT)
    const { fileId } = await storage.stat('/a')
    await storage.rename('/a', '/b')
    expect((await storage.stat('/b')).fileId).toBe(fileId)
    await writeFile(join(folder, 'other'), '2')
    await rename(join(folder, 'other'), join(folder, 'b'))
    expect((await storage.stat('/b')).fileId).not.toBe(fileId)
  })

  test('says in its URL what it was given', () => {
    expect(localStorage({ folder: './data/storage' }).url).toBe('file:./data/storage')
  })

  test('comes back when its folder was replaced by a file for a while', async () => {
    const folder = join(await newFolder(), 'storage')
    await writeFile(folder, 'in the way')
    const storage = localStorage({ folder })
    await expect(storage.ping()).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await rm(folder)
    await mkdir(folder)
    expect(await storage.ping()).toMatch(/GB free/)
  })

  test.each([
    ['ENOSPC', 'UNAVAILABLE', 'has no room for "/f"'],
    ['EDQUOT', 'UNAVAILABLE', 'has no room for "/f"'],
    ['EACCES', 'FORBIDDEN', 'does not allow that with "/f"'],
    ['EROFS', 'FORBIDDEN', 'read-only: "/f" cannot be changed'],
    ['EIO', 'DATA_LOST', 'the disk failed under "/f"'],
  ])('tells %s of the operating system as %s', (code, expected, text) => {
    const cause = Object.assign(new Error(`${code}: open '/home/secret/f'`), { code })
    const error = toMillraceError(cause, '/f')
    expect(error).toMatchObject({ code: expected, hint: expect.any(String) as string, cause })
    expect(String(error)).toContain(text)
    expect(String(error)).not.toContain('/home')
  })

  test('says FORBIDDEN where the kernel refuses to write, even to root', async () => {
    const storage = localStorage({ folder: '/sys/kernel' })
    await expect(storage.create('/millrace', [], LAYOUT)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
