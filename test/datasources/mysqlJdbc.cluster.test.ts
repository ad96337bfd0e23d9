import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { JdbcRead } from '../../src/datasources/jdbc.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import type { Source } from '../../src/datasources/source.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'

let database: MysqlDatabase
let source: Source
beforeAll(async () => {
  database = await createMysqlDatabase(inject('cluster').env.MILLRACE_SOURCE_URL!)
  source = mysqlSource({ url: database.url })
})
afterAll(async () => {
  await source.close()
  await database.drop()
})

async function make(name: string, definition: string, ...rows: string[]): Promise<void> {
  await database.connection.query(`CREATE TABLE ${name} (${definition})`)
  if (rows.length > 0) await database.connection.query(`INSERT INTO ${name} VALUES ${rows.join(', ')}`)
}

async function readOf(table: string, spreadBy: string): Promise<JdbcRead> {
  return await source.jdbc!({ table, columns: await source.columns(table) }, spreadBy)
}

test('rows are split by the primary key, else by an index, else by the column that was asked for, by its least and most', async () => {
  await make(
    'keyed',
    'code DOUBLE, other INT, id BIGINT PRIMARY KEY, KEY (other)',
    '(1.5, 7, -3)',
    '(9.5, 8, 12)',
    '(NULL, NULL, 5)',
  )
  expect((await readOf('keyed', 'code')).key).toMatchObject({ least: -3, most: 12, indexed: true })
  await make(
    'indexed',
    'code DOUBLE, other INT, word VARCHAR(9) PRIMARY KEY, KEY (other)',
    "(1.5, 7, 'a')",
    "(2, 9, 'b')",
  )
  expect((await readOf('indexed', 'code')).key).toMatchObject({ least: 7, most: 9, indexed: true })
  await make('plain', 'code DOUBLE, word TEXT', "(1.5, 'a')", "(9.5, 'b')")
  expect((await readOf('plain', 'code')).key).toMatchObject({ least: 1, most: 10, indexed: false })
})

test('rows without a number to split them by, or without rows, come over one connection', async () => {
  expect((await readOf('plain', 'word')).key).toBeNull()
  expect((await readOf('plain', 'none')).key).toBeNull()
  await make('bare', 'code DOUBLE')
  expect((await readOf('bare', 'code')).key).toBeNull()
  await make('huge', 'code BIGINT PRIMARY KEY', '(9223372036854775807)')
  expect((await readOf('huge', 'code')).key).toBeNull()
})

test('the login is apart from the address and the SQL, and the SQL can be run as it is', async () => {
  await make('types', 'id INT PRIMARY KEY, amount DOUBLE', '(1, 29999.5)', '(2, 30000.5)', '(3, 700000)')
  const columns = await source.columns('types')
  const where = { column: 'amount', above: 30_000, below: 1e21 }
  const read = await source.jdbc!({ table: 'types', columns, where }, 'id')
  const { username, password, host, pathname } = new URL(database.url)
  expect(read).toMatchObject({ user: username, password: decodeURIComponent(password) })
  expect(read.url).toMatch(`jdbc:mysql://${host}${pathname}?`)
  expect(read.columns.map(({ name, alias }) => [name, alias])).toEqual([
    ['id', 'c0'],
    ['amount', 'c1'],
  ])
  const [rows] = await database.connection.query<RowDataPacket[]>(`${read.sql} ORDER BY k`)
  expect(rows.map(row => [row.c0, row.c1, row[read.key!.alias]])).toEqual([
    [2, 30_000.5, 2],
    [3, 700_000, 3],
  ])
})

test('a table that is not there, and a column that was retyped meanwhile, are told apart', async () => {
  const columns = await source.columns('types')
  await expect(source.jdbc!({ table: 'nothing', columns }, 'id')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await database.connection.query('ALTER TABLE types MODIFY amount BIGINT')
  await expect(source.jdbc!({ table: 'types', columns }, 'id')).rejects.toMatchObject({ code: 'CONFLICT' })
})
