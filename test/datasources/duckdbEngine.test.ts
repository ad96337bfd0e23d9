import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type DuckdbEngineOptions, duckdbEngine } from '../../src/datasources/duckdbEngine.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import { collect, testEngine } from '../contract/engine.ts'
import { LAYOUT } from '../contract/files.ts'

const made: string[] = []
afterAll(() => Promise.all(made.map(folder => rm(folder, { recursive: true, force: true }))))

async function embedded(changes: Partial<DuckdbEngineOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-engine-'))
  made.push(folder)
  const directory = join(folder, 'storage')
  const storage = localStorage({ folder: directory })
  const publisher = createPublisher(storage, 'test')
  const workFolder = join(folder, 'work')
  return { folder, storage, engine: duckdbEngine({ storage, directory, publisher, workFolder, ...changes }) }
}

testEngine('DuckDB engine over a directory', () => embedded())
testEngine('DuckDB engine over copies of the files of a storage elsewhere', () => embedded({ directory: null }))

describe('DuckDB engine', () => {
  test('reads nothing but the storage, and leaves nothing but what it wrote', async () => {
    const { engine, storage, folder } = await embedded()
    const session = await engine.open()
    for (const sql of ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/hostname')"]) {
      await expect(session.query(sql)).rejects.toMatchObject({ code: 'FORBIDDEN', hint: expect.any(String) })
    }
    await session.write('SELECT 1 AS a', '/out')
    await engine.close()
    expect((await readdir(folder, { recursive: true })).filter(name => !name.startsWith('storage'))).toEqual(['work'])
    expect((await storage.list('/out')).map(({ path }) => path)).toEqual(['/out/part-00000.parquet'])
    await expect(session.query('SELECT 1 AS a')).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  test('copies no more of a storage elsewhere than it is allowed to', async () => {
    const { engine, storage } = await embedded({ directory: null, mostCopiedBytes: 20 })
    await storage.create('/a.csv', [Buffer.from('id\n1\n2\n3\n')], LAYOUT)
    await storage.create('/b.csv', [Buffer.from('id\n4\n5\n6\n7\n8\n')], LAYOUT)
    const columns = [{ name: 'id', type: { kind: 'integer', bits: 64, signed: true } }] as const
    const view = (path: string) => ({ name: 'ids', paths: [path], format: 'csv' as const, columns })
    const session = await engine.open()
    for (const path of ['/a.csv', '/a.csv']) await session.register([view(path)])
    await expect(session.register([view('/b.csv')])).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('/b.csv'),
      hint: expect.stringContaining('MILLRACE_ENGINE_URL'),
    })
    await engine.close()
  })

  test('goes on in files where memory is short, and says so where there is no room at all', async () => {
    const { engine } = await embedded({ memoryBytes: 60e6 })
    const session = await engine.open()
    const rows = await session.query('SELECT range AS id, md5(CAST(range AS VARCHAR)) AS digest FROM range(2000000)')
    let count = 0
    for await (const batch of rows.rows()) {
      count += batch.length
      if (count > 100_000) break
    }
    expect(count).toBeGreaterThan(100_000)
    await expect(session.query('SELECT list(range) AS l FROM range(30000000)').then(collect)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('memory'),
    })
    await engine.close()
  })
})
