import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { duckdbSource } from '../../src/datasources/duckdbSource.ts'
import { quoteDuckdbName } from '../../src/datasources/duckdbTypes.ts'
import { collect, testSource } from '../contract/source.ts'
import { statementsFor, TABLES } from '../contract/sourceTables.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-duckdb-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A new file with what the statements make. */
async function makeFile(name: string, statements: string[]): Promise<string> {
  const file = join(folder, name)
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  for (const statement of statements) await connection.run(statement)
  connection.closeSync()
  instance.closeSync()
  return file
}

testSource('DuckDB source', async () => {
  const statements = TABLES.flatMap(table => statementsFor(table, quoteDuckdbName))
  return duckdbSource({ file: await makeFile('contract.duckdb', statements) })
})

describe('DuckDB types', () => {
  /** SQL of a value, the type that the port promises for it, and the value that arrives. */
  const cases: [sql: string, type: object, value: unknown][] = [
    ["'-128'::TINYINT", { kind: 'integer', bits: 8, signed: true }, -128],
    ["'255'::UTINYINT", { kind: 'integer', bits: 8, signed: false }, 255],
    ["'-32768'::SMALLINT", { kind: 'integer', bits: 16, signed: true }, -32_768],
    ["'65535'::USMALLINT", { kind: 'integer', bits: 16, signed: false }, 65_535],
    ["'-2147483648'::INTEGER", { kind: 'integer', bits: 32, signed: true }, -2_147_483_648],
    ["'4294967295'::UINTEGER", { kind: 'integer', bits: 32, signed: false }, 4_294_967_295],
    ["'9007199254740991'::BIGINT", { kind: 'integer', bits: 64, signed: true }, 9_007_199_254_740_991],
    ["'9007199254740993'::BIGINT", { kind: 'integer', bits: 64, signed: true }, 9_007_199_254_740_993n],
    ["'18446744073709551615'::UBIGINT", { kind: 'integer', bits: 64, signed: false }, 2n ** 64n - 1n],
    ["'-170141183460469231731687303715884105728'::HUGEINT", { kind: 'text' }, String(-(2n ** 127n))],
    ["'340282366920938463463374607431768211455'::UHUGEINT", { kind: 'text' }, String(2n ** 128n - 1n)],
    ["'-0.05'::DECIMAL(3,2)", { kind: 'decimal', precision: 3, scale: 2 }, '-0.05'],
    [
      "'9999999999999999999999999999.9999999999'::DECIMAL(38,10)",
      { kind: 'decimal', precision: 38, scale: 10 },
      '9999999999999999999999999999.9999999999',
    ],
    ["'3.4028234663852886e38'::FLOAT", { kind: 'float', bits: 32 }, 3.4028234663852886e38],
    ["'0.1'::FLOAT", { kind: 'float', bits: 32 }, Math.fround(0.1)],
    ["'5e-324'::DOUBLE", { kind: 'float', bits: 64 }, 5e-324],
    ["'-0.0'::DOUBLE", { kind: 'float', bits: 64 }, -0],
    ["'nan'::DOUBLE", { kind: 'float', bits: 64 }, Number.NaN],
    ["'-inf'::DOUBLE", { kind: 'float', bits: 64 }, Number.NEGATIVE_INFINITY],
    ['true', { kind: 'boolean' }, true],
    ["'1969-12-31'::DATE", { kind: 'date' }, '1969-12-31'],
    ["'infinity'::DATE", { kind: 'date' }, 'infinity'],
    ["'2021-03-28 02:30:00.000001'::TIMESTAMP", { kind: 'timestamp', utc: false }, '2021-03-28 02:30:00.000001'],
    ["'2021-03-28 02:30:00'::TIMESTAMP_S", { kind: 'timestamp', utc: false }, '2021-03-28 02:30:00'],
    ["'2021-03-28 02:30:00.12'::TIMESTAMP_MS", { kind: 'timestamp', utc: false }, '2021-03-28 02:30:00.12'],
    ["'-infinity'::TIMESTAMP", { kind: 'timestamp', utc: false }, '-infinity'],
    ["'2021-03-28 02:30:00.123456789'::TIMESTAMP_NS", { kind: 'text' }, '2021-03-28 02:30:00.123456789'],
    ["'2021-03-28 02:30:00.5+02'::TIMESTAMPTZ", { kind: 'timestamp', utc: true }, '2021-03-28 00:30:00.5'],
    ["'23:59:59.999999'::TIME", { kind: 'text' }, '23:59:59.999999'],
    ["INTERVAL '1 month 2 days 3 seconds'", { kind: 'text' }, '1 month 2 days 00:00:03'],
    ["'0b9f5e3e-3f7c-4a52-8f39-3a6d9f3f1c11'::UUID", { kind: 'text' }, '0b9f5e3e-3f7c-4a52-8f39-3a6d9f3f1c11'],
    ["'10101'::BIT", { kind: 'text' }, '10101'],
    ["'b'::ENUM('a', 'b')", { kind: 'text' }, 'b'],
    [`'{"a": [1, "x"]}'::JSON`, { kind: 'text' }, '{"a": [1, "x"]}'],
    ['[1, NULL, 3]', { kind: 'text' }, '[1, NULL, 3]'],
    [`{'a': 1, 'b': 'x'}`, { kind: 'text' }, "{'a': 1, 'b': x}"],
    ["''::VARCHAR", { kind: 'text' }, ''],
    [`'a "quoted" \\ 🌍' || chr(10) || chr(0) || chr(31)`, { kind: 'text' }, 'a "quoted" \\ 🌍\n\0\x1f'],
    ["''::BLOB", { kind: 'binary' }, Buffer.alloc(0)],
    ["from_hex('00FFC328')", { kind: 'binary' }, Buffer.from('00FFC328', 'hex')],
    [`repeat('x', 100)::BLOB`, { kind: 'binary' }, Buffer.from('x'.repeat(100))],
  ]

  test('arrive as the port promises them, and so does NULL of each', async () => {
    const values = cases.map(([sql], index) => `${sql} AS c${index}`)
    const file = await makeFile('types.duckdb', [
      `CREATE TABLE everything AS SELECT 1::BIGINT AS id, ${values.join(', ')}`,
      `INSERT INTO everything (id) VALUES (2)`,
    ])
    const source = duckdbSource({ file })
    const columns = await source.columns('everything')
    expect(columns.slice(1).map(column => column.type)).toEqual(cases.map(([, type]) => type))
    const rows = await collect(
      source.rows({
        table: 'everything',
        columns,
        join: { table: 'everything', on: { left: 'id', right: 'id' }, columns: [] },
        where: { column: 'id', above: 0, below: 3 },
      }),
    )
    const byId = rows.toSorted((one, other) => Number(one[0]) - Number(other[0]))
    expect(byId[0]!.slice(1)).toEqual(cases.map(([, , value]) => value))
    expect(byId[1]!.slice(1)).toEqual(cases.map(() => null))
    await source.close()
  })
})

describe('a DuckDB file', () => {
  test('that is not there is an error with a hint, and is looked for again at the next call', async () => {
    const file = join(folder, 'later.duckdb')
    const source = duckdbSource({ file })
    await expect(source.ping()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(file),
      hint: expect.stringContaining('sample'),
    })
    await makeFile('later.duckdb', ['CREATE TABLE t AS SELECT 1 AS a'])
    expect(await source.columns('t')).toHaveLength(1)
    await source.close()
  })

  test('whose query fails in the middle is an error, though DuckDB ends the stream as if it were whole', async () => {
    const file = await makeFile('failing.duckdb', [
      'CREATE TABLE t AS SELECT range AS id, 1::BIGINT AS one FROM range(1_000_000)',
      'CREATE TABLE single AS SELECT 1::BIGINT AS one',
      `CREATE VIEW failing AS SELECT id, one, CASE WHEN id = 900_000 THEN error('broken page') ELSE 'fine' END AS note FROM t`,
    ])
    const source = duckdbSource({ file })
    const query = {
      table: 'failing',
      columns: await source.columns('failing'),
      join: { table: 'single', on: { left: 'one', right: 'one' }, columns: [] },
      where: { column: 'id', above: -1, below: 1_000_000 },
    }
    await expect(collect(source.rows(query))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/Expected 1000000 rows from DuckDB, it gave up after \d+/),
    })
    await source.close()
  })

  test('that is closed while it is read is an error for the reader', async () => {
    const file = await makeFile('closed.duckdb', ['CREATE TABLE t AS SELECT range AS id FROM range(100_000)'])
    const source = duckdbSource({ file })
    const query = {
      table: 't',
      columns: await source.columns('t'),
      join: { table: 't', on: { left: 'id', right: 'id' }, columns: [] },
      where: { column: 'id', above: -1, below: 100_000 },
    }
    const reading = async () => {
      for await (const _ of source.rows(query)) await source.close()
    }
    await expect(reading()).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  test('that is no DuckDB file is an error that says so', async () => {
    const source = duckdbSource({ file: import.meta.filename })
    await expect(source.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('cannot be opened'),
    })
  })

  test('can be written again once the source is closed', async () => {
    const file = await makeFile('reopened.duckdb', ['CREATE TABLE t AS SELECT 1 AS a'])
    const source = duckdbSource({ file })
    await source.columns('t')
    await source.close()
    await makeFile('reopened.duckdb', ['CREATE TABLE u AS SELECT 1 AS a, 2 AS b'])
    expect(await source.columns('u')).toHaveLength(2)
    await source.close()
  })
})
