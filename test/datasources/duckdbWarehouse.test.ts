import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { duckdbEngine } from '../../src/datasources/duckdbEngine.ts'
import { duckdbWarehouse } from '../../src/datasources/duckdbWarehouse.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import { testWarehouse } from '../contract/warehouse.ts'

const made: string[] = []
afterAll(() => Promise.all(made.map(folder => rm(folder, { recursive: true, force: true }))))

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-'))
  made.push(folder)
  return folder
}

testWarehouse('DuckDB warehouse', async () =>
  duckdbWarehouse({ file: join(await newFolder(), 'new/warehouse.duckdb') }),
)

describe('DuckDB warehouse', () => {
  test('keeps what is published when it is closed and opened again', async () => {
    const file = join(await newFolder(), 'warehouse.duckdb')
    const first = duckdbWarehouse({ file })
    const columns = [{ name: 'a', type: { kind: 'text' } as const }]
    const rows = {
      columns,
      rows: async function* () {
        yield [['x']]
      },
    }
    await first.stage({ job: 'j', table: 't' }, rows)
    await first.publish({
      job: 'j',
      dataset: 'd',
      date: '2026-11-21',
      fingerprint: '',
      tables: [{ name: 't', rows: 1 }],
    })
    await first.close()
    const second = duckdbWarehouse({ file })
    expect((await second.rows('t', { date: null, first: 5 })).rows).toEqual([['x']])
    await second.close()
  })

  test('runs a query of the DuckDB engine itself, with the types that the query gave', async () => {
    const folder = await newFolder()
    const storage = localStorage({ folder: join(folder, 'storage') })
    const engine = duckdbEngine({
      storage,
      directory: join(folder, 'storage'),
      publisher: createPublisher(storage, 'test'),
      workFolder: join(folder, 'work'),
    })
    const warehouse = duckdbWarehouse({ file: join(folder, 'warehouse.duckdb') })
    const session = await engine.open()
    await session.write("SELECT 1 AS id, DATE '2026-11-21' AS day UNION ALL SELECT 2, NULL", '/days')
    await session.register([{ name: 'days', paths: ['/days'], format: 'parquet' }])
    const answer = await session.query('SELECT id + :more AS id, day, sum(id) OVER () AS total FROM days', { more: 10 })
    const table = 'answers'
    expect(await warehouse.stage({ job: 'j', table }, answer)).toBe(2)
    await warehouse.publish({
      job: 'j',
      dataset: 'd',
      date: '2026-11-21',
      fingerprint: '',
      tables: [{ name: table, rows: 2 }],
    })
    expect(await warehouse.rows(table, { date: null, first: 5 })).toMatchObject({
      columns: answer.columns,
      rows: [
        [11, '2026-11-21', '3'],
        [12, null, '3'],
      ],
    })
    const failing = await session.query("SELECT id,\n CAST(id || 'x' AS INTEGER) AS n FROM days")
    await expect(warehouse.stage({ job: 'j', table }, failing)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/1x|2x/),
    })
    await engine.close()
    await warehouse.close()
  })

  test('that another program has open, or that is none, is an error with a hint', async () => {
    const warehouse = duckdbWarehouse({ file: import.meta.filename })
    await expect(warehouse.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      hint: expect.stringContaining('DuckDB'),
    })
  })
})
