import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { quoteMysqlName } from '../../src/datasources/mysqlTypes.ts'
import { endlessQuery, statementsFor, TABLES } from '../contract/sourceTables.ts'
import { byWireRows } from '../setup/byWireRows.ts'
import { createMysqlDatabase } from '../setup/mysqlDatabase.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

let cluster: Cluster
let url: string
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql'] })
  const database = await createMysqlDatabase(cluster.env.MILLRACE_SOURCE_URL!)
  await database.connection.query("SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
  const statements = TABLES.flatMap(table => statementsFor(table, quoteMysqlName))
  for (const statement of statements) await database.connection.query(statement)
  await database.connection.end()
  url = database.url
})
afterAll(() => cluster.destroy())

const source = () => mysqlSource({ url, deadlines: { connectMillis: 1_000, silenceMillis: 800 } })

/** Reads on and on, and does `harm` after the first batch. */
async function readWhile(harm: () => Promise<void>, by = source()): Promise<void> {
  let harmed = false
  for await (const _ of by.rows(endlessQuery(await by.columns('many')))) {
    if (!harmed) await harm()
    harmed = true
  }
}

test('a MySQL killed in the middle of wire rows is UNAVAILABLE', async () => {
  await expect(readWhile(() => cluster.kill('mysql'), byWireRows(source()))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    hint: expect.any(String),
  })
  await cluster.restart('mysql')
})

test('a MySQL that hangs in the middle of wire rows is UNAVAILABLE', async () => {
  await expect(readWhile(() => cluster.hang('mysql'), byWireRows(source()))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('said nothing'),
  })
  await cluster.resume('mysql')
})

test('a MySQL killed in the middle of a fetch is UNAVAILABLE, and so is one that is gone', async () => {
  await expect(readWhile(() => cluster.kill('mysql'))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    hint: expect.any(String),
  })
  await expect(source().ping()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

test('a MySQL that was restarted answers again', async () => {
  await cluster.restart('mysql')
  expect(await source().ping()).toMatch(/MariaDB|\d/)
})

test('a MySQL that hangs in the middle of a fetch is UNAVAILABLE, and so is one that hangs before', async () => {
  await expect(readWhile(() => cluster.hang('mysql'))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('said nothing'),
  })
  await expect(source().ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await cluster.resume('mysql')
  expect(await source().ping()).toMatch(/\d/)
})
