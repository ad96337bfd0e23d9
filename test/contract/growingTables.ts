import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GrowingTable } from '../../src/datasources/growingTables.ts'
import type { Row, Source, SourceColumn } from '../../src/datasources/source.ts'

/** What every keeper of the source port must do with tables that grow. `open` gives one that may have none at all. */
export function testGrowingTables(name: string, open: () => Promise<Source>): void {
  describe(name, () => {
    let source: Source
    let tables = 0
    beforeAll(async () => {
      source = await open()
    })
    afterAll(() => source.close())

    const COLUMNS = ['station', 'day', 'degrees']
    async function newTable(): Promise<{ table: string; columns: SourceColumn[] }> {
      const table: GrowingTable = {
        name: `growing "table" \`${++tables}\``,
        key: 'id',
        columns: [
          { name: 'station', kind: 'text' },
          { name: 'day', kind: 'date' },
          { name: 'degrees', kind: 'float' },
        ],
      }
      await source.createTable(table)
      return { table: table.name, columns: await source.columns(table.name) }
    }
    const row = (index: number): Row => [`Station ${index}`, '2000-02-29', index / 3]
    const rowsOf = (count: number) => Array.from({ length: count }, (_, index) => row(index))
    async function keysOf(table: string, range: { after?: number; through?: number } = {}): Promise<number[]> {
      const keys: number[] = []
      for await (const batch of source.keys({ table, key: 'id', ...range })) keys.push(...batch)
      return keys
    }

    test('a table that is made has a key and the columns asked for', async () => {
      const { columns } = await newTable()
      expect(columns).toEqual([
        { name: 'id', type: { kind: 'integer', bits: 64, signed: true } },
        { name: 'station', type: { kind: 'text' } },
        { name: 'day', type: { kind: 'date' } },
        { name: 'degrees', type: { kind: 'float', bits: 64 } },
      ])
    })

    test('a table that is there is left as it is', async () => {
      const { table } = await newTable()
      await source.append(table, COLUMNS, rowsOf(3))
      await source.createTable({ name: table, key: 'number', columns: [{ name: 'other', kind: 'text' }] })
      expect(await keysOf(table)).toHaveLength(3)
    })

    test('rows get keys that ascend in their order, from one append to the next', async () => {
      const { table, columns } = await newTable()
      await source.append(table, COLUMNS, rowsOf(2))
      await source.append(table, COLUMNS, [row(2)])
      const rows = await source.rowsByKey({ table, key: 'id', columns, limit: 10 })
      expect(rows).toEqual([
        [1, ...row(0)],
        [2, ...row(1)],
        [3, ...row(2)],
      ])
    })

    test('values come back exactly as they were added', async () => {
      const { table, columns } = await newTable()
      const added: Row[] = [
        ['', '1000-01-01', -0.1],
        ['O\'Hara \\ "x" `y` über 🌍', '9999-12-31', 23.851454295532143],
        ['null', '2000-02-29', 1.7976931348623157e308],
        ['\n', '2000-02-29', 5e-324],
        ['0', '2000-02-29', 0],
      ]
      await source.append(table, COLUMNS, added)
      const [, ...values] = columns
      expect(await source.rowsByKey({ table, key: 'id', columns: values, limit: 10 })).toEqual(added)
    })

    test('many rows are added at once, in their order', async () => {
      const { table, columns } = await newTable()
      await source.append(table, COLUMNS, rowsOf(10_001))
      const rows = await source.rowsByKey({ table, key: 'id', columns, limit: 20_000 })
      expect(rows.map(([id]) => id)).toEqual(rows.map((_, index) => index + 1))
      expect(rows.map(([, station]) => station)).toEqual(rowsOf(10_001).map(([station]) => station))
    })

    test('of many rows with one that does not fit none is added', async () => {
      const { table } = await newTable()
      const rows = [...rowsOf(5_000), ['Station', 'no day', 1]]
      await expect(source.append(table, COLUMNS, rows)).rejects.toThrow()
      await expect(source.append(table, COLUMNS, [...rowsOf(5_000), [null, '2000-01-01', 1]])).rejects.toThrow()
      expect(await keysOf(table)).toEqual([])
    })

    test('no rows are added, and nothing happens', async () => {
      const { table } = await newTable()
      await source.append(table, COLUMNS, [])
      expect(await keysOf(table)).toEqual([])
    })

    test('several who add at once do not mix, and all keys differ', async () => {
      const { table } = await newTable()
      await Promise.all([1_500, 1, 3_000, 10].map(count => source.append(table, COLUMNS, rowsOf(count))))
      const keys = await keysOf(table)
      expect(new Set(keys).size).toBe(4_511)
    })

    test('rows are read from a key on, from either end, as many as asked', async () => {
      const { table } = await newTable()
      await source.append(table, COLUMNS, rowsOf(100))
      const columns = (await source.columns(table)).slice(0, 1)
      const ids = async (query: { after?: number; descending?: boolean; limit: number }) =>
        (await source.rowsByKey({ table, key: 'id', columns, ...query })).map(([id]) => id)
      expect(await ids({ limit: 3 })).toEqual([1, 2, 3])
      expect(await ids({ after: 97, limit: 10 })).toEqual([98, 99, 100])
      expect(await ids({ after: 100, limit: 10 })).toEqual([])
      expect(await ids({ descending: true, limit: 2 })).toEqual([100, 99])
      expect(await ids({ after: 99, descending: true, limit: 2 })).toEqual([100])
    })

    test('keys are read in their order, within bounds, and in batches', async () => {
      const { table } = await newTable()
      await source.append(table, COLUMNS, rowsOf(20_000))
      expect(await keysOf(table)).toEqual(Array.from({ length: 20_000 }, (_, index) => index + 1))
      expect(await keysOf(table, { after: 19_998 })).toEqual([19_999, 20_000])
      expect(await keysOf(table, { through: 2 })).toEqual([1, 2])
      expect(await keysOf(table, { after: 5, through: 7 })).toEqual([6, 7])
      expect(await keysOf(table, { after: 7, through: 7 })).toEqual([])
    })

    test('a reader of keys can stop early', async () => {
      const { table } = await newTable()
      await source.append(table, COLUMNS, rowsOf(20_000))
      for await (const batch of source.keys({ table, key: 'id' })) {
        expect(batch[0]).toBe(1)
        break
      }
      expect(await keysOf(table, { through: 1 })).toEqual([1])
    })

    test('nobody else writes, so no transaction is open', async () => {
      await newTable()
      expect(await source.openTransactions()).toEqual(new Set())
    })

    test('a table, key or column that is not there is NOT_FOUND', async () => {
      const { table, columns } = await newTable()
      const notFound = (message: RegExp) => ({ code: 'NOT_FOUND', message: expect.stringMatching(message) })
      const query = { table, key: 'id', columns, limit: 1 }
      await expect(source.rowsByKey({ ...query, table: 'nowhere' })).rejects.toMatchObject(notFound(/"nowhere"/))
      await expect(source.rowsByKey({ ...query, key: 'number' })).rejects.toMatchObject(notFound(/column "number"/))
      const nothing: SourceColumn[] = [{ name: 'nothing', type: { kind: 'text' } }]
      await expect(source.rowsByKey({ ...query, columns: nothing })).rejects.toMatchObject(notFound(/"nothing"/))
      await expect(keysOf('nowhere')).rejects.toMatchObject(notFound(/"nowhere"/))
      await expect(source.append('nowhere', COLUMNS, rowsOf(1))).rejects.toMatchObject(notFound(/nowhere/))
    })

    test('a signal that was given before is heard, and nothing is asked or added', async () => {
      const { table, columns } = await newTable()
      const reason = new Error('too late')
      const call = { signal: AbortSignal.abort(reason) }
      await expect(source.append(table, COLUMNS, rowsOf(1), call)).rejects.toBe(reason)
      await expect(source.rowsByKey({ table, key: 'id', columns, limit: 1 }, call)).rejects.toBe(reason)
      await expect(source.openTransactions(call)).rejects.toBe(reason)
      expect(await keysOf(table)).toEqual([])
    })
  })
}
