import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Engine, EngineSession, SqlValues } from '../../src/datasources/engine.ts'
import type { RowStream } from '../../src/datasources/rowStream.ts'
import type { ColumnType, Row, SourceColumn } from '../../src/datasources/source.ts'
import { sqlProblemOf } from '../../src/datasources/sqlProblem.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { LAYOUT } from './files.ts'

const INTEGER: ColumnType = { kind: 'integer', bits: 32, signed: true }
const BIGINT: ColumnType = { kind: 'integer', bits: 64, signed: true }
const DOUBLE: ColumnType = { kind: 'float', bits: 64 }
const TEXT: ColumnType = { kind: 'text' }
const DATE: ColumnType = { kind: 'date' }
const TIMESTAMP: ColumnType = { kind: 'timestamp', utc: false }

const PEOPLE: SourceColumn[] = [
  { name: 'id', type: BIGINT },
  { name: 'name', type: TEXT },
  { name: 'born', type: DATE },
  { name: 'income', type: DOUBLE },
  { name: 'seen_at', type: TIMESTAMP },
]
const PEOPLE_CSV = [
  'id,name,born,income,seen_at',
  '1,"Möller, ""Änne""",1969-12-31,35000.5,2026-11-21 06:43:49',
  '2,"line\nbreak",2000-02-29,,2026-11-21 00:00:00',
  '3,,2026-01-01,0,',
  '9007199254740993,"",1900-01-01,-0.1,1969-12-31 23:59:59',
  '',
].join('\n')
const PEOPLE_ROWS: Row[] = [
  [1, 'Möller, "Änne"', '1969-12-31', 35000.5, '2026-11-21 06:43:49'],
  [2, 'line\nbreak', '2000-02-29', null, '2026-11-21 00:00:00'],
  [3, null, '2026-01-01', 0, null],
  [9007199254740993n, '', '1900-01-01', -0.1, '1969-12-31 23:59:59'],
]

/** In SQL, and as the port promises it. */
const VALUES: [sql: string, type: ColumnType, value: unknown][] = [
  ['CAST(-128 AS TINYINT)', { kind: 'integer', bits: 8, signed: true }, -128],
  ['CAST(32767 AS SMALLINT)', { kind: 'integer', bits: 16, signed: true }, 32767],
  ['CAST(5 AS INTEGER)', INTEGER, 5],
  ['CAST(9223372036854775807 AS BIGINT)', BIGINT, 2n ** 63n - 1n],
  ["CAST('-12.50' AS DECIMAL(10,2))", { kind: 'decimal', precision: 10, scale: 2 }, '-12.50'],
  ["CAST('0.5' AS FLOAT)", { kind: 'float', bits: 32 }, 0.5],
  ["CAST('0.1' AS DOUBLE)", DOUBLE, 0.1],
  ["CAST('NaN' AS DOUBLE)", DOUBLE, Number.NaN],
  ['true', { kind: 'boolean' }, true],
  ["CAST('1969-12-31' AS DATE)", DATE, '1969-12-31'],
  ["'über 🌍 ''quoted'''", TEXT, "über 🌍 'quoted'"],
  ["''", TEXT, ''],
]

export interface TestedEngine {
  engine: Engine
  /** The storage whose files it reads. */
  storage: Storage
}

/** What every keeper of the engine port must do, whatever runs the SQL. */
export function testEngine(name: string, start: () => Promise<TestedEngine>): void {
  describe(name, () => {
    let engine: Engine
    let storage: Storage
    let session: EngineSession
    /** A folder of this run, for files that tests write. */
    const root = `/engine-${randomUUID()}`
    beforeAll(async () => {
      ;({ engine, storage } = await start())
      await write(`${root}/people/people.csv`, PEOPLE_CSV)
      await write(`${root}/hidden/_SUCCESS`, '')
    })
    afterAll(async () => {
      await storage.remove(root)
      await engine.close()
      await storage.close()
    })
    beforeEach(async () => {
      session = await engine.open()
    })
    afterEach(() => session.close())

    const write = (path: string, text: string) => storage.create(path, [Buffer.from(text)], LAYOUT)
    const ask = async (sql: string, values?: SqlValues) => collect(await session.query(sql, values))
    const registerPeople = () =>
      session.register([{ name: 'people', paths: [`${root}/people/people.csv`], format: 'csv', columns: PEOPLE }])

    test('says what it is, and its version', async () => {
      expect(await engine.ping()).toMatch(/\d+\.\d+/)
      expect(engine.url).toMatch(/^(duckdb|sc):/)
    })

    describe('a query', () => {
      test('gives columns with types, and rows in the order it asks for', async () => {
        const answer = await session.query(
          "SELECT id, 'x' || id AS name FROM (VALUES (CAST(2 AS BIGINT)), (1)) AS t(id) ORDER BY id",
        )
        expect(answer.columns).toEqual([
          { name: 'id', type: BIGINT },
          { name: 'name', type: TEXT },
        ])
        expect(await collect(answer)).toEqual([
          [1, 'x1'],
          [2, 'x2'],
        ])
      })

      test('gives each kind of value as the port promises, and NULL of each', async () => {
        const list = VALUES.map(([sql], index) => `${sql} AS c${index}`).join(', ')
        const nulls = VALUES.map((_, index) => `CASE WHEN c${index} IS NULL THEN c${index} END AS c${index}`).join(', ')
        const answer = await session.query(
          `WITH v AS (SELECT ${list}) SELECT 1 AS part, v.* FROM v UNION ALL SELECT 2, ${nulls} FROM v ORDER BY part`,
        )
        expect(answer.columns.slice(1).map(({ type }) => type)).toEqual(VALUES.map(([, type]) => type))
        const [first, second] = await collect(answer)
        expect(first!.slice(1)).toEqual(VALUES.map(([, , value]) => value))
        expect(second!.slice(1)).toEqual(VALUES.map(() => null))
      })

      test('gives timestamps to the microsecond, as the clock on the wall of UTC shows them', async () => {
        const [row] = await ask("SELECT CAST('2021-03-28 02:30:00.000001' AS TIMESTAMP) AS at")
        expect(row).toEqual(['2021-03-28 02:30:00.000001'])
      })

      test('has no batch where it has no rows, and still its columns', async () => {
        const answer = await session.query("SELECT 1 AS a, 'x' AS b WHERE 1 = 2")
        expect(answer.columns.map(({ name }) => name)).toEqual(['a', 'b'])
        expect(await collect(answer)).toEqual([])
      })

      test('of many rows gives every one of them once, in batches of a bounded size', async () => {
        await registerDigits(5)
        let rows = 0
        const seen = new Set<unknown>()
        for await (const batch of (await session.query(MANY)).rows()) {
          expect(batch.length).toBeLessThanOrEqual(10_000)
          rows += batch.length
          for (const row of batch) seen.add(row[0])
        }
        expect([rows, seen.size]).toEqual([100_000, 100_000])
      })

      test('takes values by name, wherever and as often as they are written', async () => {
        const sql = `SELECT :text || ':not' AS a, /* :no */ :whole + 1 AS b, :real * 2 AS c, :yes AS d, -- :no
          CAST(:date AS DATE) AS e, :text AS f, :nothing AS g`
        const given = { text: `it's "a" \\ text`, whole: 41, real: 1.25, yes: true, date: '2026-11-21', nothing: null }
        expect(await ask(sql, given)).toEqual([[`${given.text}:not`, 42, 2.5, true, '2026-11-21', given.text, null]])
      })

      test('may end with a semicolon and a comment', async () => {
        expect(await ask('SELECT 1 AS a; -- done\n')).toEqual([[1]])
      })

      test('several at once do not mix', async () => {
        const answers = await Promise.all([1, 2, 3].map(number => ask('SELECT :number AS a', { number })))
        expect(answers).toEqual([[[1]], [[2]], [[3]]])
      })
    })

    describe('SQL that is wrong', () => {
      const wrong: [what: string, sql: string, said: RegExp, line: number | null][] = [
        ['a slip in a word', 'SELECT 1\nFORM people', /FORM|people|syntax/i, 2],
        ['a column that is not there', 'SELECT id,\n  nope\nFROM people', /nope/, 2],
        ['a table that is not there', 'SELECT 1\n\nFROM nowhere', /nowhere/, 3],
        ['a function that is not there', 'SELECT no_such_function(1) AS a', /no_such_function/, 1],
        ['a place behind a value', 'SELECT :a AS a, nope FROM people', /nope/, 1],
        ['a change', 'DROP VIEW people', /expected a single SELECT/, null],
        ['two statements', 'SELECT 1 AS a; SELECT 2 AS a', /expected a single SELECT|syntax|;/i, null],
        ['nothing', '-- nothing', /expected a SELECT/, null],
        ['a value that is not given', 'SELECT 1 AS a,\n :b AS b', /:b/, 2],
        ['two columns of one name', 'SELECT 1 AS a, 2 AS a', /"a" twice/, null],
      ]
      test.each(wrong)('says what and where: %s', async (_what, sql, said, line) => {
        await registerPeople()
        const error: unknown = await session.query(sql, { a: 'a long text value' }).then(collect, caught => caught)
        expect(error).toMatchObject({
          code: 'BAD_USER_INPUT',
          message: expect.stringMatching(said),
          hint: expect.any(String),
        })
        if (line !== null) expect(sqlProblemOf(error)).toMatchObject({ place: { line, column: expect.any(Number) } })
      })

      test('says the column of a place as people count', async () => {
        await registerPeople()
        const error: unknown = await session
          .query("SELECT 'ü🌍' AS a, :v AS b, nope FROM people", { v: 'xxxxxx' })
          .catch(e => e)
        expect(sqlProblemOf(error)?.place).toEqual({ line: 1, column: 28 })
      })

      test.each([
        ['a text that is no number', 'SELECT CAST(name AS INTEGER) AS a FROM people', /cast|convert/i],
        ['a text that is no date', "SELECT CAST(name || 'x' AS DATE) AS a FROM people", /cast|convert|invalid|date/i],
      ])('is an error too where only a value shows it: %s', async (_what, sql, said) => {
        await registerPeople()
        const error: unknown = await ask(sql).catch(caught => caught)
        expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(said) })
      })

      test('leaves the session as it was', async () => {
        await registerPeople()
        await expect(ask('SELECT nope FROM people')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        expect(await ask('SELECT count(*) AS n FROM people')).toEqual([[4]])
      })
    })

    describe('files', () => {
      test('in CSV give their rows: quotes, line breaks in them, empty fields and empty texts', async () => {
        await registerPeople()
        const answer = await session.query('SELECT * FROM people ORDER BY id')
        expect(answer.columns).toEqual(PEOPLE)
        expect(await collect(answer)).toEqual(PEOPLE_ROWS)
      })

      test('written as Parquet give the same rows when read', async () => {
        await registerPeople()
        const folder = `${root}/${randomUUID()}`
        const written = await session.write('SELECT * FROM people', folder)
        expect(written.rows).toBe(4)
        for (const { path, length } of written.files) {
          expect(path).toMatch(new RegExp(`^${folder}/[^/]+$`))
          expect((await storage.stat(path)).length).toBe(length)
        }
        const other = await engine.open()
        await other.register([{ name: 'copies', paths: [folder], format: 'parquet' }])
        const answer = await other.query('SELECT * FROM copies ORDER BY id')
        expect(answer.columns).toEqual(PEOPLE)
        expect(await collect(answer)).toEqual(PEOPLE_ROWS)
        await other.close()
      })

      test('that were written are read whole, each kind of value as it was', async () => {
        const list = VALUES.map(([sql], index) => `${sql} AS c${index}`)
        const at = "CAST('2021-03-28 02:30:00.000001' AS TIMESTAMP) AS at"
        const folder = `${root}/${randomUUID()}`
        const { files } = await session.write(`SELECT ${[...list, at].join(', ')}`, folder)
        const other = await engine.open()
        const answer = await other.read(files)
        expect(answer.columns.map(({ type }) => type)).toEqual([...VALUES.map(([, type]) => type), TIMESTAMP])
        const expected = [...VALUES.map(([, , value]) => value), '2021-03-28 02:30:00.000001']
        expect(await collect(answer)).toEqual([expected])
        await other.close()
      })

      test('that were written and are gone are NOT_FOUND', async () => {
        const gone = [{ path: `${root}/gone.parquet`, length: 1 }]
        await expect(session.read(gone)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      })

      test('are written for an answer without rows too', async () => {
        const folder = `${root}/${randomUUID()}`
        const written = await session.write("SELECT 1 AS a, 'x' AS b WHERE 1 = 2", folder)
        expect(written).toMatchObject({ rows: 0, files: [{ length: expect.any(Number) }] })
        await session.register([{ name: 'nothing', paths: [folder], format: 'parquet' }])
        expect(await ask('SELECT count(*) AS n, max(b) AS b FROM nothing')).toEqual([[0, null]])
      })

      test('are not written over others', async () => {
        const error = { code: 'CONFLICT', message: expect.stringContaining('people.csv') }
        await expect(session.write('SELECT 1 AS a', `${root}/people`)).rejects.toMatchObject(error)
      })

      test('of several folders are one view; hidden ones do not count', async () => {
        const folder = `${root}/${randomUUID()}`
        await write(`${folder}/dt=2026-01-01/a.csv`, 'id,name\n1,one\n')
        await write(`${folder}/dt=2026-01-02/b.csv`, 'id,name\n2,two\n')
        await write(`${folder}/dt=2026-01-02/.b.csv.tmp`, 'id,name\n3,three\n')
        await write(`${folder}/dt=2026-01-02/_SUCCESS`, '')
        const paths = [`${folder}/dt=2026-01-01`, `${folder}/dt=2026-01-02`]
        await session.register([{ name: 'days', paths, format: 'csv', columns: PEOPLE.slice(0, 2) }])
        const answer = await session.query('SELECT * FROM days ORDER BY id')
        expect(answer.columns).toEqual(PEOPLE.slice(0, 2))
        expect(await collect(answer)).toEqual([
          [1, 'one'],
          [2, 'two'],
        ])
      })

      test('none at all are a view without rows', async () => {
        await session.register([{ name: 'before', paths: [], format: 'parquet', columns: PEOPLE }])
        const answer = await session.query('SELECT * FROM before')
        expect(answer.columns).toEqual(PEOPLE)
        expect(await collect(answer)).toEqual([])
      })

      test('in Parquet give the columns asked for', async () => {
        const folder = `${root}/${randomUUID()}`
        await session.write("SELECT 1 AS a, 'x' AS b, 2 AS c", folder)
        const columns = [PEOPLE[1]!, PEOPLE[0]!].map((column, index) => ({ ...column, name: 'cb'[index]! }))
        await session.register([{ name: 'part', paths: [folder], format: 'parquet', columns }])
        expect((await session.query('SELECT * FROM part')).columns.map(({ name }) => name)).toEqual(['c', 'b'])
        await session.register([{ name: 'part', paths: [folder], format: 'parquet' }])
        expect(await ask('SELECT * FROM part')).toEqual([[1, 'x', 2]])
      })

      test('are seen by one session only', async () => {
        await registerPeople()
        const other = await engine.open()
        await expect(other.query('SELECT * FROM people')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
        await other.close()
      })

      const refused: [what: string, code: string, said: RegExp, view: (file: string) => object][] = [
        ['that are missing', 'NOT_FOUND', /nowhere/, () => ({ paths: ['/nowhere'] })],
        ['in a folder that has none', 'NOT_FOUND', /has none/, () => ({ paths: [`${root}/hidden`] })],
        ['whose path is a pattern', 'BAD_USER_INPUT', /without \*/, () => ({ paths: ['/*.csv'] })],
        ['under a name that is none', 'BAD_USER_INPUT', /x; DROP/, file => ({ paths: [file], name: 'x; DROP' })],
        ['in CSV without columns', 'BAD_USER_INPUT', /columns/, file => ({ paths: [file], columns: undefined })],
        [
          'with another header',
          'BAD_USER_INPUT',
          /Expected the header id,title.*found id,name,born/,
          file => ({ paths: [file], columns: [PEOPLE[0], { name: 'title', type: TEXT }] }),
        ],
        ['that are no Parquet', 'BAD_USER_INPUT', /parquet|magic/i, file => ({ paths: [file], format: 'parquet' })],
      ]
      test.each(refused)('%s are an error', async (_what, code, said, view) => {
        const wanted = {
          name: 'x',
          format: 'csv' as const,
          columns: PEOPLE,
          paths: [],
          ...view(`${root}/people/people.csv`),
        }
        await registerPeople()
        const registered = session.register([{ name: 'people', paths: [], format: 'csv', columns: PEOPLE }, wanted])
        await expect(registered).rejects.toMatchObject({ code, message: expect.stringMatching(said) })
        expect(await ask('SELECT count(*) AS n FROM people'), 'views as they were').toEqual([[4]])
      })

      test.each([
        ['with a field too many', 'id,name\n1,one\n2,two,too\n'],
        ['with a field too few', 'id,name\n1,one\n2\n'],
        ['with a text for a number', 'id,name\n1,one\ntwo,two\n'],
      ])('%s are an error when read', async (_what, text) => {
        const path = `${root}/${randomUUID()}.csv`
        await write(path, text)
        await session.register([{ name: 'bad', paths: [path], format: 'csv', columns: PEOPLE.slice(0, 2) }])
        await expect(ask('SELECT * FROM bad ORDER BY id')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
      })
    })

    describe('an end before the end', () => {
      test('of a query by its signal is quick, and its reason comes out', async () => {
        await registerDigits(9)
        const abort = new AbortController()
        const reason = new Error('enough')
        const answering = session.query(ENDLESS, {}, { signal: abort.signal }).then(collect)
        setTimeout(() => abort.abort(reason), 300)
        await expect(answering).rejects.toBe(reason)
        expect(await ask('SELECT 1 AS a'), 'the session goes on').toEqual([[1]])
      })

      test('of the rows by a signal of their own is quick too', async () => {
        await registerDigits(9)
        const answer = await session.query(ENDLESS)
        const abort = new AbortController()
        const reason = new Error('enough')
        const reading = async () => {
          for await (const _ of answer.rows({ signal: abort.signal })) throw new Error('expected no rows')
        }
        setTimeout(() => abort.abort(reason), 300)
        await expect(reading()).rejects.toBe(reason)
      })

      test('of the reader ends the query', async () => {
        await registerDigits(5)
        for await (const batch of (await session.query(MANY)).rows()) {
          expect(batch.length).toBeGreaterThan(0)
          break
        }
        expect(await ask('SELECT 1 AS a')).toEqual([[1]])
      })

      test('of the session ends what it does', async () => {
        await registerDigits(9)
        const answering = session.query(ENDLESS).then(collect)
        setTimeout(() => void session.close(), 300)
        await expect(answering).rejects.toMatchObject({ code: 'CANCELLED' })
      })
    })

    test('progress rises and stays within its bounds', async () => {
      await registerDigits(7)
      const seen: number[] = []
      await collect(await session.query(SLOW, {}, { onProgress: fraction => seen.push(fraction) }))
      expect(seen.length).toBeGreaterThan(0)
      expect(seen).toEqual(seen.toSorted((one, other) => one - other))
      expect(seen.every(fraction => fraction > 0 && fraction <= 1)).toBe(true)
    })

    /** Views d1 to d<count> of ten rows each: a product of five has 100,000 rows. */
    async function registerDigits(count: number): Promise<void> {
      const path = `${root}/digits-${randomUUID()}.csv`
      await write(path, `digit\n${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].join('\n')}\n`)
      const columns = [{ name: 'digit', type: BIGINT }]
      const names = Array.from({ length: count }, (_, index) => `d${index + 1}`)
      await session.register(names.map(name => ({ name, paths: [path], format: 'csv', columns })))
    }
  })
}

const numberOf = (count: number) =>
  Array.from({ length: count }, (_, index) => `d${index + 1}.digit * ${10 ** index}`).join(' + ')
const product = (count: number) => Array.from({ length: count }, (_, index) => `d${index + 1}`).join(' CROSS JOIN ')
const MANY = `SELECT ${numberOf(5)} AS number, 'a text' AS note FROM ${product(5)}`
const SLOW = `SELECT count(*) AS n, sum(number % 7) AS s FROM (SELECT ${numberOf(7)} AS number FROM ${product(7)}) AS q`
const ENDLESS = `SELECT max(number % 7) AS m FROM (SELECT ${numberOf(9)} AS number FROM ${product(9)}) AS q WHERE number % 3 = 1`

/** All rows of a stream. */
export async function collect(stream: RowStream): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of stream.rows()) rows.push(...batch)
  return rows
}
