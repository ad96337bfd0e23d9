import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import type { Row, RowQuery, Source } from '../../src/datasources/source.ts'
import { endlessQuery, loansQuery, ODD_NAMES, ODD_TABLE } from './sourceTables.ts'

const MOST_ROWS_OF_A_BATCH = 2_048

/** What every keeper of the source port must do, whatever database it reads. `open` gives one that has TABLES. */
export function testSource(name: string, open: () => Promise<Source>): void {
  describe(name, () => {
    let source: Source
    beforeAll(async () => {
      source = await open()
    })
    afterAll(() => source.close())

    const allLoans = async () => loansQuery(await source.columns('loans'))
    const manyRows = async (below: number): Promise<RowQuery> => ({
      ...endlessQuery(await source.columns('many')),
      join: { table: 'digits', on: { left: 'same', right: 'digit' }, columns: [] },
      where: { column: 'id', above: -1, below },
    })

    test('says which database it is, and its version', async () => {
      expect(await source.ping()).toMatch(/\d+\.\d+/)
      expect(source.url).toMatch(new RegExp(`^${source.kind}:`))
    })

    describe('columns', () => {
      test('come in the order of the table, with their types', async () => {
        expect(await source.columns('loans')).toEqual([
          { name: 'id', type: { kind: 'integer', bits: 64, signed: true } },
          { name: 'county_code', type: { kind: 'float', bits: 64 } },
          { name: 'loan_type_id', type: { kind: 'integer', bits: 64, signed: true } },
          { name: 'loan_amount', type: { kind: 'float', bits: 64 } },
          { name: 'note', type: { kind: 'text' } },
        ])
      })

      test('keep names with any characters in them', async () => {
        expect((await source.columns(ODD_TABLE)).map(column => column.name)).toEqual(ODD_NAMES)
      })

      test('of a table that is not there are an error that lists those that are', async () => {
        await expect(source.columns('lones')).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringMatching(/"lones".*"loan_types".*"loans"|"lones".*"loans".*"loan_types"/),
          hint: expect.any(String),
        })
      })

      test('of a table differ from those of one that differs by upper case only', async () => {
        await expect(source.columns('LOAN_types')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      })
    })

    describe('rows', () => {
      test('have partners in the join and lie strictly within the range', async () => {
        expect(sorted(await collect(source.rows(await allLoans())))).toEqual(
          sorted([
            [1, 55025, 1, 35000, 'first', 'Conventional'],
            [2, 55025, 2, 795000, '', 'FHA'],
            [3, null, 1, 205000.5, null, 'Conventional'],
            [-(2n ** 63n), 55001, 1, 100000, 'über 🌍 日本', 'Conventional'],
            [2n ** 63n - 1n, 55001, 1, 100000, 'line\nbreak\tand "quotes"', 'Conventional'],
            [2n ** 53n, 55001, 1, 100000, 'null', 'Conventional'],
          ]),
        )
      })

      test('have the columns asked for, in the order asked', async () => {
        const columns = (await source.columns('loans')).filter(column => ['note', 'id'].includes(column.name)).reverse()
        const query = { ...loansQuery(columns), where: { column: 'loan_amount', above: 30_000, below: 40_000 } }
        expect(await collect(source.rows(query))).toEqual([['first', 1, 'Conventional']])
      })

      test('are as many as counted', async () => {
        const queries = [await allLoans(), await manyRows(1_000), await manyRows(1)]
        for (const query of queries) {
          expect(await source.count(query)).toBe((await collect(source.rows(query))).length)
        }
      })

      test('are none, in no batch, where nothing is in range', async () => {
        const query = { ...(await allLoans()), where: { column: 'loan_amount', above: 1e9, below: 2e9 } }
        expect(await collect(source.rows(query))).toEqual([])
        expect(await source.count(query)).toBe(0)
      })

      test('come from tables and columns whose names have any characters', async () => {
        for (const [index, name] of ODD_NAMES.entries()) {
          const columns = await source.columns(ODD_TABLE)
          const query: RowQuery = {
            table: ODD_TABLE,
            columns: columns.slice(index),
            join: { table: ODD_TABLE, on: { left: name, right: name }, columns: columns.slice(0, index) },
            where: { column: name, above: index - 0.5, below: index + 0.5 },
          }
          const indices = ODD_NAMES.map((_, position) => position)
          expect(await collect(source.rows(query))).toEqual([[...indices.slice(index), ...indices.slice(0, index)]])
        }
      })

      test('come in batches of a bounded size, every one of them once', async () => {
        const ids = new Set<unknown>()
        for await (const batch of source.rows(await manyRows(50_000))) {
          expect(batch.length).toBeGreaterThan(0)
          expect(batch.length).toBeLessThanOrEqual(MOST_ROWS_OF_A_BATCH)
          for (const row of batch) ids.add(row[0])
        }
        expect(ids.size).toBe(50_000)
      })

      test('of several readers at once do not mix', async () => {
        const queries = await Promise.all([manyRows(20_000), allLoans(), manyRows(10_000)])
        const results = await Promise.all(queries.map(query => collect(source.rows(query))))
        expect(results.map(rows => rows.length)).toEqual([20_000, 6, 10_000])
      })
    })

    describe('a whole table', () => {
      test('has all its rows, as many as counted', async () => {
        const query = { table: 'loan_types', columns: await source.columns('loan_types') }
        const rows = await collect(source.rows(query))
        expect(sorted(rows)).toEqual([
          [1, 'Conventional'],
          [2, 'FHA'],
          [3, 'VA'],
          [null, 'None'],
        ])
        expect(await source.count(query)).toBe(rows.length)
      })

      test('has those in a range, with or without a join', async () => {
        const columns = (await source.columns('loans')).filter(({ name }) => name === 'id')
        const where = { column: 'loan_amount', above: 30_000, below: 40_000 }
        expect(await collect(source.rows({ table: 'loans', columns, where }))).toEqual([[1]])
      })
    })

    describe('names that are not there', () => {
      const cases: [what: string, change: (query: RowQuery) => RowQuery, message: RegExp][] = [
        ['table', query => ({ ...query, table: 'nowhere' }), /table "nowhere".*"loans"/],
        ['joined table', query => ({ ...query, join: { ...query.join, table: 'nowhere' } }), /table "nowhere"/],
        [
          'column to filter by',
          query => ({ ...query, where: { ...query.where, column: 'amount' } }),
          /column "amount" in table "loans".*"loan_amount"/,
        ],
        [
          'column to join on',
          query => ({ ...query, join: { ...query.join, on: { left: 'type', right: 'id' } } }),
          /column "type" in table "loans".*"loan_type_id"/,
        ],
        [
          'column to join with',
          query => ({ ...query, join: { ...query.join, on: { left: 'loan_type_id', right: 'code' } } }),
          /column "code" in table "loan_types".*"id"/,
        ],
      ]
      test.each(cases)('are an error that says so: %s', async (_, change, message) => {
        const query = change(await allLoans())
        const expected = { code: 'NOT_FOUND', message: expect.stringMatching(message), hint: expect.any(String) }
        await expect(collect(source.rows(query))).rejects.toMatchObject(expected)
        await expect(source.count(query)).rejects.toMatchObject(expected)
      })

      test('are an error that says so: column to read', async () => {
        const query = loansQuery([{ name: 'nothing', type: { kind: 'text' } }])
        await expect(collect(source.rows(query))).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringMatching(/column "nothing" in table "loans".*"note"/),
        })
      })

      test('are told from columns that have changed their type since they were described', async () => {
        const query = loansQuery([{ name: 'note', type: { kind: 'integer', bits: 32, signed: true } }])
        await expect(collect(source.rows(query))).rejects.toMatchObject({
          code: 'CONFLICT',
          message: expect.stringContaining('"note"'),
        })
      })
    })

    describe('a reader that wants no more', () => {
      test('stops early, and the source goes on answering', async () => {
        let batches = 0
        for await (const batch of source.rows(endlessQuery(await source.columns('many')))) {
          expect(batch.length).toBeGreaterThan(0)
          if (++batches === 3) break
        }
        expect(await source.count(await allLoans())).toBe(6)
      })

      test('gives a signal in the middle and gets its reason', async () => {
        const stop = new AbortController()
        const reason = new Error('enough')
        let batches = 0
        const reading = async () => {
          for await (const _ of source.rows(endlessQuery(await source.columns('many')), { signal: stop.signal })) {
            if (++batches === 3) stop.abort(reason)
          }
        }
        await expect(reading()).rejects.toBe(reason)
        expect(batches).toBe(3)
      })

      test('gives a signal while the database still thinks', async () => {
        const stop = new AbortController()
        const reason = new Error('enough')
        const counting = source.count(endlessQuery([]), { signal: stop.signal })
        setTimeout(() => stop.abort(reason), 200)
        const startedAt = performance.now()
        await expect(counting).rejects.toBe(reason)
        expect(performance.now() - startedAt).toBeLessThan(5_000)
      })

      test('gave the signal before, and nothing is asked', async () => {
        const reason = new Error('too late')
        const call = { signal: AbortSignal.abort(reason) }
        await expect(source.ping(call)).rejects.toBe(reason)
        await expect(source.columns('loans', call)).rejects.toBe(reason)
        await expect(source.count(await allLoans(), call)).rejects.toBe(reason)
        await expect(collect(source.rows(await allLoans(), call))).rejects.toBe(reason)
      })
    })

    test('a reader that is slow makes the database wait: nothing is read ahead without end', async () => {
      const rows = source.rows(endlessQuery(await source.columns('many')))[Symbol.asyncIterator]()
      expect((await rows.next()).done).toBe(false)
      await comesToRest()
      for (let batches = 0; batches < 20; batches++) expect((await rows.next()).done).toBe(false)
      await comesToRest()
      await rows.return?.()
    })
  })
}

export async function collect(batches: AsyncIterable<Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of batches) rows.push(...batch)
  return rows
}

/** Large integers may come as strings or bigints; here they are all bigints. */
function sorted(rows: Row[]): Row[] {
  const exact = (value: unknown) => (typeof value === 'string' && /^-?\d{16,}$/.test(value) ? BigInt(value) : value)
  const key = (row: Row) => row.map(String).join()
  return rows.map(row => row.map(exact)).sort((one, other) => (key(one) < key(other) ? -1 : 1))
}

/** Until this process, with all threads of an embedded database, has done next to nothing for a while. */
async function comesToRest(): Promise<void> {
  const WINDOW_MILLIS = 250
  const REST_SHARE = 0.1
  let since = performance.now()
  let before = process.cpuUsage()
  await waitUntil({ description: 'the reading ahead to end', timeoutMillis: 15_000, pollMillis: WINDOW_MILLIS }, () => {
    const elapsedMillis = performance.now() - since
    if (elapsedMillis < WINDOW_MILLIS) return false
    const { user, system } = process.cpuUsage(before)
    since = performance.now()
    before = process.cpuUsage()
    return (user + system) / 1000 < elapsedMillis * REST_SHARE
  })
}
