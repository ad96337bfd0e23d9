import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { duckdbSource } from '../../src/datasources/duckdbSource.ts'
import type { GrowingTable } from '../../src/datasources/growingTables.ts'
import { testGrowingTables } from '../contract/growingTables.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-growing-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

testGrowingTables('DuckDB, tables that grow', async () => duckdbSource({ file: join(folder, 'contract.duckdb') }))

const TABLE: GrowingTable = { name: 'marks', key: 'id', columns: [{ name: 'mark', kind: 'float' }] }

async function fileWithMarks(name: string, marks: number): Promise<string> {
  const file = join(folder, name)
  const source = duckdbSource({ file })
  await source.createTable(TABLE)
  await source.append(
    'marks',
    ['mark'],
    Array.from({ length: marks }, (_, mark) => [mark]),
  )
  await source.close()
  return file
}

test('a file that is not there is made by the first who writes, and NOT_FOUND for those who read', async () => {
  const file = join(folder, 'deep/er/new.duckdb')
  const source = duckdbSource({ file })
  await expect(source.columns('marks')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(existsSync(file)).toBe(false)
  await source.createTable(TABLE)
  expect(await source.columns('marks')).toHaveLength(2)
  await source.close()
})

test('keys go on where they were when the file is opened again', async () => {
  const source = duckdbSource({ file: await fileWithMarks('again.duckdb', 5) })
  await source.append('marks', ['mark'], [[99]])
  const columns = await source.columns('marks')
  expect(await source.rowsByKey({ table: 'marks', key: 'id', columns, after: 5, limit: 9 })).toEqual([[6, 99]])
  await source.close()
})

test('the first writer waits for a reader in the middle of it, and readers that come meanwhile until the file is open again', async () => {
  const source = duckdbSource({ file: await fileWithMarks('readers.duckdb', 100_000) })
  const columns = await source.columns('marks')
  let read = 0
  let appending: Promise<void> | undefined
  let counting: Promise<number> | undefined
  for await (const rows of source.rows({ table: 'marks', columns })) {
    read += rows.length
    if (read > 50_000) counting ??= source.count({ table: 'marks', columns })
    appending ??= source.append('marks', ['mark'], [[1]])
  }
  expect(read).toBe(100_000)
  await appending
  expect([100_000, 100_001]).toContain(await counting)
  await source.close()
})

test('a writer who waits for a reader can be called off, and readers go on', async () => {
  const source = duckdbSource({ file: await fileWithMarks('called-off.duckdb', 100_000) })
  const columns = await source.columns('marks')
  const stop = new AbortController()
  const reason = new Error('enough')
  let appending: Promise<void> | undefined
  for await (const _ of source.rows({ table: 'marks', columns })) {
    appending ??= source.append('marks', ['mark'], [[1]], { signal: stop.signal })
    const failed = expect(appending).rejects.toBe(reason)
    stop.abort(reason)
    await failed
    expect(await source.count({ table: 'marks', columns })).toBe(100_000)
    break
  }
  await source.append('marks', ['mark'], [[1]])
  expect(await source.count({ table: 'marks', columns })).toBe(100_001)
  await source.close()
})

test('a writer finds another process in the file: CONFLICT, and readers go on in both', async () => {
  const file = await fileWithMarks('held.duckdb', 5)
  const other = spawn(process.execPath, ['--input-type=module', '-e', HOLD, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: join(import.meta.dirname, '../..'),
  })
  try {
    await once(other.stdout, 'data')
    const source = duckdbSource({ file })
    await expect(source.append('marks', ['mark'], [[1]])).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('another process'),
      hint: expect.stringContaining('MILLRACE_SOURCE_URL'),
    })
    expect(await source.count({ table: 'marks', columns: await source.columns('marks') })).toBe(5)
    other.stdin.end()
    await once(other, 'exit')
    await source.append('marks', ['mark'], [[1]])
    await source.close()
  } finally {
    other.kill('SIGKILL')
  }
})

/** Another process: holds the file open for reading until its input ends. */
const HOLD = `
  import { DuckDBInstance } from '@duckdb/node-api'
  const instance = await DuckDBInstance.create(process.argv[1], { access_mode: 'READ_ONLY' })
  process.stdin.resume()
  process.stdin.on('end', () => instance.closeSync())
  process.stdout.write('open')
`
