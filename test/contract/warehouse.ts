import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Call } from '../../src/datasources/call.ts'
import type { RowStream } from '../../src/datasources/rowStream.ts'
import type { ColumnType, Row, SourceColumn } from '../../src/datasources/source.ts'
import type { Check, Load, Publication, PublishedTable, Warehouse } from '../../src/datasources/warehouse.ts'

const BIGINT: ColumnType = { kind: 'integer', bits: 64, signed: true }
const TEXT: ColumnType = { kind: 'text' }
const COLUMNS: SourceColumn[] = [
  { name: 'id', type: BIGINT },
  { name: 'name', type: TEXT },
]

/** What every keeper of the warehouse port must do, whatever database it writes to. `open` gives one without result tables. */
export function testWarehouse(name: string, open: () => Promise<Warehouse>): void {
  describe(name, () => {
    let warehouse: Warehouse
    beforeAll(async () => {
      warehouse = await open()
    })
    afterAll(() => warehouse.close())

    /** A table and a dataset that no other test uses. */
    let table: string
    let dataset: string
    beforeEach(() => {
      table = `t_${randomUUID().replaceAll('-', '')}`
      dataset = `d_${randomUUID().replaceAll('-', '')}`
    })

    interface Wanted {
      date?: string
      job?: string
      columns?: SourceColumn[]
      replaces?: PublishedTable['replaces']
      to?: string
    }
    async function stageAndPublish(rows: Row[], wanted: Wanted = {}): Promise<Load> {
      const { job = randomUUID(), columns = COLUMNS, to = table } = wanted
      const count = await warehouse.stage({ job, table: to }, streamOf(columns, rows))
      return await warehouse.publish(publicationOf(job, count, wanted))
    }
    function publicationOf(
      job: string,
      rows: number,
      { date = '2026-11-20', replaces, to = table }: Wanted = {},
    ): Publication {
      return { job, dataset, date, fingerprint: 'f1', tables: [{ name: to, rows, ...(replaces && { replaces }) }] }
    }
    const rowsOf = async (date: string | null = null) => (await warehouse.rows(table, { date, first: 100 })).rows

    test('says which database it is, and its version', async () => {
      expect(await warehouse.ping()).toMatch(/\d+/)
      expect(warehouse.url).toMatch(new RegExp(`^${warehouse.kind}:`))
    })

    describe('a publication', () => {
      test('shows the rows of its date, and is in the load log', async () => {
        const job = randomUUID()
        const before = Date.now()
        const load = await stageAndPublish(
          [
            [2, 'two'],
            [1, 'one'],
          ],
          { job },
        )
        expect(load).toMatchObject({
          dataset,
          date: '2026-11-20',
          job,
          fingerprint: 'f1',
          tables: [{ name: table, rows: 2, replacedRows: 0 }],
        })
        expect(load.publishedAt.getTime()).toBeGreaterThan(before - 60_000)
        expect(await warehouse.loads({ dataset, first: 10 })).toEqual([load])
        expect(await warehouse.rows(table, { date: null, first: 10 })).toEqual({
          date: '2026-11-20',
          columns: COLUMNS,
          rows: [
            [1, 'one'],
            [2, 'two'],
          ],
        })
        expect((await warehouse.tables()).find(({ name }) => name === table)).toEqual({
          name: table,
          dataset,
          columns: COLUMNS,
          rows: 2,
          latestDate: '2026-11-20',
        })
      })

      test('of a date again takes the place of the first, and of no other date', async () => {
        await stageAndPublish([[1, 'a']], { date: '2026-11-19' })
        await stageAndPublish([
          [1, 'b'],
          [2, 'b'],
        ])
        const again = await stageAndPublish([[3, 'c']])
        expect(again.tables).toEqual([{ name: table, rows: 1, replacedRows: 2 }])
        expect(await rowsOf()).toEqual([[3, 'c']])
        expect(await rowsOf('2026-11-19')).toEqual([[1, 'a']])
        expect((await warehouse.loads({ dataset, first: 10 })).map(({ date }) => date)).toEqual([
          '2026-11-20',
          '2026-11-19',
        ])
        expect((await warehouse.tables()).find(({ name }) => name === table)).toMatchObject({ rows: 2 })
      })

      test('of a table that holds its own history takes the place of all dates', async () => {
        await stageAndPublish(
          [
            [1, 'a'],
            [2, 'a'],
          ],
          { date: '2026-11-19', replaces: 'table' },
        )
        await stageAndPublish([[3, 'b']], { replaces: 'table' })
        expect(await rowsOf()).toEqual([[3, 'b']])
        await expect(rowsOf('2026-11-19')).rejects.toMatchObject({ code: 'NOT_FOUND' })
        expect((await warehouse.tables()).find(({ name }) => name === table)).toMatchObject({
          rows: 1,
          latestDate: '2026-11-20',
        })
      })

      test('may change from dates to one history and back', async () => {
        await stageAndPublish([[1, 'a']], { date: '2026-11-18' })
        await stageAndPublish([[2, 'b']], { date: '2026-11-19', replaces: 'table' })
        expect(await rowsOf()).toEqual([[2, 'b']])
        await stageAndPublish([[3, 'c']], { replaces: 'table' })
        await stageAndPublish([[4, 'd']], { date: '2026-11-18' })
        expect(await rowsOf()).toEqual([[3, 'c']])
        expect(await rowsOf('2026-11-18')).toEqual([[4, 'd']])
        expect((await warehouse.tables()).find(({ name }) => name === table)).toMatchObject({ rows: 2 })
      })

      test('of several tables is seen in all or in none', async () => {
        const other = `${table}_b`
        const job = randomUUID()
        await warehouse.stage({ job, table }, streamOf(COLUMNS, [[1, 'a']]))
        await warehouse.stage({ job, table: other }, streamOf(COLUMNS, [[1, 'a']]))
        const tables = (rows: number) => [
          { name: table, rows: 1 },
          { name: other, rows },
        ]
        const publication = { ...publicationOf(job, 1), tables: tables(2) }
        await expect(warehouse.publish(publication)).rejects.toMatchObject({
          code: 'DATA_LOST',
          hint: expect.any(String),
        })
        expect(await warehouse.loads({ dataset, first: 1 })).toEqual([])
        expect((await warehouse.tables()).filter(({ name }) => [table, other].includes(name))).toEqual([])
        const load = await warehouse.publish({ ...publication, tables: tables(1) })
        expect(load.tables.map(({ name }) => name)).toEqual([table, other])
      })

      test('that took place is told of again, without its stages', async () => {
        const job = randomUUID()
        const first = await stageAndPublish([[1, 'a']], { job })
        expect(await warehouse.publish(publicationOf(job, 1))).toEqual(first)
        expect(await warehouse.stages()).not.toContainEqual({ job, table })
      })

      test('without rows is refused, and what is published stays', async () => {
        await stageAndPublish([[1, 'a']])
        await expect(stageAndPublish([])).rejects.toMatchObject({
          code: 'BAD_USER_INPUT',
          message: expect.stringContaining(table),
          hint: expect.any(String),
        })
        expect(await rowsOf()).toEqual([[1, 'a']])
      })

      test('without a stage is refused', async () => {
        const job = randomUUID()
        await expect(warehouse.publish(publicationOf(job, 1))).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringContaining(job),
        })
      })

      test('with a new column adds it; with another type is refused', async () => {
        await stageAndPublish([[1, 'a']], { date: '2026-11-19' })
        const columns = [...COLUMNS, { name: 'extra', type: { kind: 'float', bits: 64 } as const }]
        await stageAndPublish([[2, 'b', 0.5]], { columns })
        expect(await rowsOf('2026-11-19')).toEqual([[1, 'a', null]])
        expect(await rowsOf()).toEqual([[2, 'b', 0.5]])
        await stageAndPublish([[3, 'c']], { date: '2026-11-21' })
        expect(await rowsOf()).toEqual([[3, 'c', null]])
        const changed = stageAndPublish([['1', 'a']], { columns: [{ name: 'id', type: TEXT }, COLUMNS[1]!] })
        await expect(changed).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('"id"') })
      })

      test('into the table of another dataset is refused', async () => {
        await stageAndPublish([[1, 'a']])
        const first = dataset
        dataset = `${dataset}_b`
        await expect(stageAndPublish([[1, 'a']])).rejects.toMatchObject({
          code: 'CONFLICT',
          message: expect.stringContaining(first),
        })
      })

      test('of one date waits for another of it; those of two dates run side by side', async () => {
        const dates = ['2026-11-18', '2026-11-18', '2026-11-18', '2026-11-19', '2026-11-20']
        const loads = await Promise.all(
          dates.map((date, index) =>
            stageAndPublish(
              [
                [index, date],
                [-index - 1, date],
              ],
              { date },
            ),
          ),
        )
        const replaced = loads.slice(0, 3).map(load => load.tables[0]!.replacedRows)
        expect(replaced.toSorted((one, other) => one - other)).toEqual([0, 2, 2])
        const last = loads.slice(0, 3).toSorted((one, other) => one.publishedAt.getTime() - other.publishedAt.getTime())
        expect(await rowsOf('2026-11-18')).toHaveLength(2)
        expect((await warehouse.loads({ dataset, date: '2026-11-18', first: 5 })).map(({ job }) => job)).toEqual([
          last.at(-1)!.job,
        ])
        expect(await rowsOf('2026-11-19')).toHaveLength(2)
        expect(await rowsOf('2026-11-20')).toHaveLength(2)
      })
    })

    describe('a stage', () => {
      const values: [type: ColumnType, values: unknown[]][] = [
        [{ kind: 'integer', bits: 16, signed: true }, [-32768, 32767]],
        [{ kind: 'integer', bits: 32, signed: true }, [-2147483648, 2147483647]],
        [BIGINT, [-(2n ** 63n), 2n ** 63n - 1n]],
        [{ kind: 'decimal', precision: 38, scale: 10 }, ['-0.0000000001', '9999999999999999999999999999.9999999999']],
        [{ kind: 'float', bits: 32 }, [0.5, Math.fround(0.1)]],
        [{ kind: 'float', bits: 64 }, [0.1, Number.NaN]],
        [{ kind: 'boolean' }, [true, false]],
        [{ kind: 'date' }, ['1600-02-29', '2026-11-21']],
        [{ kind: 'timestamp', utc: false }, ['2021-03-28 02:30:00.000001', '1969-12-31 23:59:59']],
        [{ kind: 'timestamp', utc: true }, ['2021-03-28 02:30:00.5', '1969-12-31 23:59:59']],
        [TEXT, ['tab\t, line\nbreak\r, back\\slash, \\N, \\., "quotes", \u0001', 'über 🌍']],
        [{ kind: 'binary' }, [Buffer.from([0, 255, 10, 92]), Buffer.alloc(0)]],
      ]
      test('keeps each kind of value, and NULL of each', async () => {
        const columns = values.map(([type], index) => ({ name: `c${index}`, type }))
        const rows = [0, 1].map(row => [row, ...values.map(([, both]) => both[row])])
        const nulls = [2, ...values.map(() => null)]
        const all = [{ name: 'number', type: BIGINT }, ...columns]
        await stageAndPublish([...rows, nulls], { columns: all })
        const published = await warehouse.rows(table, { date: null, first: 10 })
        expect(published.columns).toEqual(all)
        expect(published.rows).toEqual([...rows, nulls])
      })

      test('of many rows tells how many as it goes', async () => {
        const seen: number[] = []
        const batches = Array.from({ length: 50 }, (_, batch) =>
          Array.from({ length: 1_000 }, (_, row): Row => [batch * 1_000 + row, `name ${row}`]),
        )
        const job = randomUUID()
        const count = await warehouse.stage({ job, table }, batchesOf(COLUMNS, batches), {
          onRows: rows => seen.push(rows),
        })
        expect(count).toBe(50_000)
        expect(seen.at(-1)).toBe(50_000)
        expect(seen).toEqual(seen.toSorted((one, other) => one - other))
        expect((await warehouse.publish(publicationOf(job, count))).tables).toEqual([
          { name: table, rows: 50_000, replacedRows: 0 },
        ])
      })

      test('filled again by its job has the new rows only', async () => {
        const job = randomUUID()
        await warehouse.stage(
          { job, table },
          streamOf(COLUMNS, [
            [1, 'a'],
            [2, 'a'],
          ]),
        )
        expect(await warehouse.stage({ job, table }, streamOf(COLUMNS, [[3, 'b']]))).toBe(1)
        await warehouse.publish(publicationOf(job, 1))
        expect(await rowsOf()).toEqual([[3, 'b']])
      })

      test('whose rows fail cannot be published, and throws what they threw', async () => {
        const job = randomUUID()
        const failure = new Error('the engine went away')
        const rows = batchesOf(COLUMNS, [[[1, 'a']]], failure)
        await expect(warehouse.stage({ job, table }, rows)).rejects.toBe(failure)
        await expect(warehouse.publish(publicationOf(job, 1))).rejects.toMatchObject({ code: 'NOT_FOUND' })
        expect(await warehouse.stages()).toContainEqual({ job, table })
        await warehouse.dropStages(job)
        expect(await warehouse.stages()).not.toContainEqual({ job, table })
        await warehouse.dropStages(job)
      })

      test('ends with its signal, whose reason comes out', async () => {
        const abort = new AbortController()
        const reason = new Error('enough')
        const rows: RowStream = {
          columns: COLUMNS,
          async *rows({ signal }: Call = {}) {
            for (let id = 0; ; id++) {
              yield [[id, 'a']]
              if (id === 100) abort.abort(reason)
              signal?.throwIfAborted()
            }
          },
        }
        const job = randomUUID()
        await expect(warehouse.stage({ job, table }, rows, { signal: abort.signal })).rejects.toBe(reason)
        await warehouse.dropStages(job)
      })

      test.each<[what: string, change: { table?: string; job?: string; columns?: SourceColumn[] }]>([
        ['a table name that is not plain', { table: 'drop table x; --' }],
        ['a table name with upper case', { table: 'Table' }],
        ['a table name that is long', { table: 'x'.repeat(49) }],
        ['a job that is not plain', { job: 'a b' }],
        ['a column name that is not plain', { columns: [{ name: 'a"b', type: TEXT }] }],
        ['the column that every table has', { columns: [{ name: 'logical_date', type: TEXT }] }],
        ['no column', { columns: [] }],
      ])('with %s is refused', async (_what, { columns = COLUMNS, ...names }) => {
        const stage = { job: randomUUID(), table, ...names }
        await expect(warehouse.stage(stage, streamOf(columns, []))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
      })
    })

    describe('checks', () => {
      const rows: Row[] = [
        [1, 'a'],
        [2, 'b'],
        [2, 'b'],
        [3, null],
      ]
      const cases: [check: Check, message: RegExp | null][] = [
        [{ kind: 'notNull', column: 'id' }, null],
        [{ kind: 'notNull', column: 'name' }, /no NULL in name, 1 row has/],
        [{ kind: 'unique', columns: ['name', 'id'] }, /each name, id once, 1 comes several times, for example "b, 2"/],
        [{ kind: 'acceptedValues', column: 'name', values: ['a', 'b'] }, null],
        [
          { kind: 'acceptedValues', column: 'name', values: ["it's", 'a'] },
          /one of it's, a in name, 2 rows have another, for example "b"/,
        ],
        [{ kind: 'acceptedValues', column: 'id', values: [1, 2] }, /for example "3"/],
        [{ kind: 'rowCount', least: 4, most: 4 }, null],
        [{ kind: 'rowCount', least: 5, most: 10 }, /5 to 10 rows, there are 4/],
      ]
      test('say what is wrong, in the order given', async () => {
        const job = randomUUID()
        await warehouse.stage({ job, table }, streamOf(COLUMNS, rows))
        const results = await warehouse.check(
          { job, table },
          cases.map(([check]) => check),
        )
        expect(results).toEqual(
          cases.map(([check, message]) => ({
            check,
            passed: message === null,
            message: message === null ? null : expect.stringMatching(message),
          })),
        )
        await warehouse.dropStages(job)
      })

      test('of a stage or a column that is not there are errors', async () => {
        const job = randomUUID()
        const check: Check = { kind: 'notNull', column: 'nope' }
        await expect(warehouse.check({ job, table }, [check])).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await warehouse.stage({ job, table }, streamOf(COLUMNS, rows))
        await expect(warehouse.check({ job, table }, [check])).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringContaining('id, name'),
        })
        await warehouse.dropStages(job)
      })
    })

    describe('questions', () => {
      test('for a table or a date that is not there name those that are', async () => {
        await stageAndPublish([[1, 'a']])
        await expect(warehouse.rows('nowhere', { date: null, first: 1 })).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringContaining(table),
        })
        await expect(rowsOf('2026-01-01')).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringContaining('2026-11-20'),
        })
        await expect(warehouse.rows('x"; --', { date: null, first: 1 })).rejects.toMatchObject({
          code: 'BAD_USER_INPUT',
        })
        await expect(rowsOf('2026-02-30')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        await expect(warehouse.rows(table, { date: null, first: 0 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
      })

      test('give no more than asked for', async () => {
        for (const date of ['2026-11-18', '2026-11-19', '2026-11-20'])
          await stageAndPublish(
            [
              [1, 'a'],
              [2, 'b'],
            ],
            { date },
          )
        expect((await warehouse.rows(table, { date: null, first: 1 })).rows).toEqual([[1, 'a']])
        expect((await warehouse.loads({ dataset, first: 2 })).map(({ date }) => date)).toEqual([
          '2026-11-20',
          '2026-11-19',
        ])
        expect(await warehouse.loads({ dataset, date: '2026-11-18', first: 2 })).toHaveLength(1)
      })
    })

    describe('work that excludes other work of its name', () => {
      test('waits for it, and gives its result', async () => {
        const order: string[] = []
        const first = Promise.withResolvers<void>()
        const begun = Promise.withResolvers<void>()
        const one = warehouse.exclusively(dataset, 5_000, async () => {
          order.push('one begins')
          begun.resolve()
          await first.promise
          order.push('one ends')
          return 1
        })
        await begun.promise
        const two = warehouse.exclusively(dataset, 5_000, async () => order.push('two'))
        await warehouse.exclusively(`${dataset}_other`, 5_000, async () => order.push('other'))
        first.resolve()
        expect(await one).toBe(1)
        await two
        expect(order).toEqual(['one begins', 'other', 'one ends', 'two'])
      })

      test('is given up after a while, and lets go after an error', async () => {
        const held = Promise.withResolvers<void>()
        const begun = Promise.withResolvers<void>()
        const holding = warehouse.exclusively(dataset, 5_000, () => {
          begun.resolve()
          return held.promise
        })
        await begun.promise
        await expect(warehouse.exclusively(dataset, 100, async () => 1)).rejects.toMatchObject({
          code: 'CONFLICT',
          message: expect.stringContaining(dataset),
        })
        const failure = new Error('no')
        held.reject(failure)
        await expect(holding).rejects.toBe(failure)
        expect(await warehouse.exclusively(dataset, 5_000, async () => 2)).toBe(2)
      })
    })
  })
}

export function streamOf(columns: SourceColumn[], rows: Row[]): RowStream {
  return batchesOf(columns, rows.length > 0 ? [rows] : [])
}

function batchesOf(columns: SourceColumn[], batches: Row[][], failure?: Error): RowStream {
  return {
    columns,
    async *rows() {
      yield* batches
      if (failure) throw failure
    },
  }
}
