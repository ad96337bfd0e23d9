import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import type { GrowingTable } from '../../src/datasources/growingTables.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import type { Source } from '../../src/datasources/source.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'

let database: MysqlDatabase
let source: Source
beforeAll(async () => {
  database = await createMysqlDatabase(inject('cluster').env.MILLRACE_SOURCE_URL!)
  source = mysqlSource({ url: database.url })
  await source.createTable({ name: 'marks', key: 'id', columns: [{ name: 'mark', kind: 'float' }] })
})
afterAll(async () => {
  await source.close()
  await database.drop()
})

async function ownConnections(): Promise<number> {
  const [rows] = await database.connection.query<RowDataPacket[]>(
    'SELECT ID FROM INFORMATION_SCHEMA.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()',
    [database.name],
  )
  return rows.length
}

describe('open transactions', () => {
  /** A connection of another program, for the time of `use`. */
  async function withOther<T>(use: (other: Connection) => Promise<T>): Promise<T> {
    const other = await createConnection(database.url)
    try {
      return await use(other)
    } finally {
      other.destroy()
    }
  }
  const seen = async () => (await source.openTransactions())!
  const untilSeen = (count: number) =>
    waitUntil(
      { description: `${count} open transactions`, timeoutMillis: 5_000, pollMillis: 250 },
      async () => (await seen()).size === count,
    )

  test('are those that wrote and have not ended, each with a name of its own', async () => {
    await withOther(async other => {
      await other.query('START TRANSACTION')
      await other.query('INSERT INTO marks (mark) VALUES (1)')
      await untilSeen(1)
      const [first] = await seen()
      await other.query('COMMIT')
      await untilSeen(0)
      await other.query('START TRANSACTION')
      await other.query('INSERT INTO marks (mark) VALUES (1)')
      await untilSeen(1)
      expect(await seen()).not.toContain(first)
      await other.query('ROLLBACK')
      await untilSeen(0)
    })
  })

  test('are not those that only read, however long', async () => {
    await withOther(async reader => {
      await reader.query('START TRANSACTION WITH CONSISTENT SNAPSHOT')
      await reader.query('SELECT COUNT(*) FROM marks')
      await withOther(async writer => {
        await writer.query('START TRANSACTION')
        await writer.query('INSERT INTO marks (mark) VALUES (2)')
        await untilSeen(1)
        await writer.query('ROLLBACK')
      })
      await untilSeen(0)
    })
  })

  test('are unknown to a user without the right to see those of others', async () => {
    await database.connection.query("CREATE OR REPLACE USER blind@'127.0.0.1' IDENTIFIED BY 'x'")
    await database.connection.query(`GRANT SELECT, INSERT ON ${database.name}.* TO blind@'127.0.0.1'`)
    const url = new URL(database.url)
    url.username = 'blind'
    url.password = 'x'
    const blind = mysqlSource({ url: url.href })
    expect(await blind.openTransactions()).toBeUndefined()
    // A table that is there needs no right to make one.
    await blind.createTable({ name: 'marks', key: 'id', columns: [] })
    await blind.append('marks', ['mark'], [[1]])
    await blind.close()
    await database.connection.query("DROP USER blind@'127.0.0.1'")
  })
})

test('a user who may not write is told so: FORBIDDEN', async () => {
  await database.connection.query("CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY 'x'")
  await database.connection.query(`GRANT SELECT ON ${database.name}.* TO reader@'127.0.0.1'`)
  const url = new URL(database.url)
  url.username = 'reader'
  url.password = 'x'
  const reader = mysqlSource({ url: url.href })
  const table: GrowingTable = { name: 'new', key: 'id', columns: [{ name: 'mark', kind: 'float' }] }
  await expect(reader.append('marks', ['mark'], [[1]])).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await expect(reader.createTable(table)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await reader.close()
  await database.connection.query("DROP USER reader@'127.0.0.1'")
})

test('a key is looked up in the index, not by reading the table', async () => {
  const rows = Array.from({ length: 5_000 }, (_, mark) => [mark])
  await source.append('marks', ['mark'], rows)
  const columns = await source.columns('marks')
  const rowsRead: number[] = []
  for (let time = 0; time < 5; time++) {
    const before = await rowsReadByServer()
    expect(await source.rowsByKey({ table: 'marks', key: 'id', columns, after: 4_000, limit: 10 })).toHaveLength(10)
    rowsRead.push((await rowsReadByServer()) - before)
  }
  expect(Math.min(...rowsRead)).toBeLessThan(2_000)
})

/** For anyone: other files may use the server at the same time. */
async function rowsReadByServer(): Promise<number> {
  const [rows] = await database.connection.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Handler_read_next'")
  return Number(rows[0]!.Value)
}

test('many questions one after the other share a connection, and close() ends it', async () => {
  const asker = mysqlSource({ url: database.url })
  await source.close()
  await waitUntil({ description: 'no connection', timeoutMillis: 5_000 }, async () => (await ownConnections()) === 0)
  const columns = await asker.columns('marks')
  for (let question = 0; question < 50; question++) {
    await asker.rowsByKey({ table: 'marks', key: 'id', columns, limit: 1 })
  }
  expect(await ownConnections()).toBe(1)
  await asker.close()
  await waitUntil({ description: 'no connection', timeoutMillis: 5_000 }, async () => (await ownConnections()) === 0)
})

test('a connection that the server ended in the meantime is not used again', async () => {
  const asker = mysqlSource({ url: database.url })
  const columns = await asker.columns('marks')
  const ask = () => asker.rowsByKey({ table: 'marks', key: 'id', columns, limit: 1 })
  await ask()
  const [rows] = await database.connection.query<RowDataPacket[]>(
    'SELECT ID FROM INFORMATION_SCHEMA.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()',
    [database.name],
  )
  for (const { ID } of rows) await database.connection.query(`KILL ${Number(ID)}`)
  await waitUntil({ description: 'no connection', timeoutMillis: 5_000 }, async () => (await ownConnections()) === 0)
  // The client may hear of it a moment later: one question fails at most, and says what happened.
  await ask().catch(error => expect(error).toMatchObject({ code: 'UNAVAILABLE' }))
  expect(await ask()).toHaveLength(1)
  await asker.close()
})

test('a question that is called off ends on the server', async () => {
  const asker = mysqlSource({ url: database.url })
  const columns = await asker.columns('marks')
  const locker = await createConnection(database.url)
  await locker.query('LOCK TABLES marks WRITE')
  const stop = new AbortController()
  const reason = new Error('enough')
  const asking = asker.rowsByKey({ table: 'marks', key: 'id', columns, limit: 1 }, { signal: stop.signal })
  const failed = expect(asking).rejects.toBe(reason)
  await waitUntil({ description: 'the question', timeoutMillis: 5_000 }, async () => (await ownConnections()) === 2)
  stop.abort(reason)
  await failed
  await locker.query('UNLOCK TABLES')
  await locker.end()
  await waitUntil({ description: 'no connection', timeoutMillis: 5_000 }, async () => (await ownConnections()) === 0)
  await asker.close()
})
