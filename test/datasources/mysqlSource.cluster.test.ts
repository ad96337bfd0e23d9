import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { quoteMysqlName } from '../../src/datasources/mysqlTypes.ts'
import type { Row, Source, SourceColumn } from '../../src/datasources/source.ts'
import { testGrowingTables } from '../contract/growingTables.ts'
import { collect, testSource } from '../contract/source.ts'
import { endlessQuery, statementsFor, TABLES } from '../contract/sourceTables.ts'
import {
  ALL_TYPES_COLUMNS,
  type AllTypesColumn,
  createAllTypesTables,
  quote,
  ZERO_DATES_COLUMNS,
} from '../setup/allTypes.ts'
import { byWireRows } from '../setup/byWireRows.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'

const serverUrl = () => inject('cluster').env.MILLRACE_SOURCE_URL!

let database: MysqlDatabase
beforeAll(async () => {
  database = await createMysqlDatabase(serverUrl())
  await database.connection.query("SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
  const statements = TABLES.flatMap(table => statementsFor(table, quoteMysqlName))
  for (const statement of statements) await database.connection.query(statement)
})
afterAll(() => database.drop())

testSource('MySQL source', async () => mysqlSource({ url: database.url }))
testSource('MySQL source by its wire rows', async () => byWireRows(mysqlSource({ url: database.url })))
testGrowingTables('MySQL, tables that grow', async () => mysqlSource({ url: database.url }))

describe('MySQL types', () => {
  let types: MysqlDatabase
  beforeAll(async () => {
    types = await createMysqlDatabase(serverUrl())
    await createAllTypesTables(types.connection)
  })
  afterAll(() => types.drop())

  /** The rows of a table like `loans`, by id. */
  async function readAll(
    table: string,
    wrap: (source: Source) => Source = source => source,
  ): Promise<{ columns: SourceColumn[]; rows: Map<unknown, Row> }> {
    const source = wrap(mysqlSource({ url: types.url }))
    const columns = await source.columns(table)
    const rows = await collect(
      source.rows({
        table,
        columns,
        join: { table: 'loan_types', on: { left: 'loan_type_id', right: 'id' }, columns: [] },
        where: { column: 'loan_amount', above: 30_000, below: 800_000 },
      }),
    )
    await source.close()
    return { columns, rows: new Map(rows.map(row => [row[0], row])) }
  }

  /** What MySQL itself says of a column's values, by id. */
  async function said(table: string, name: string): Promise<Map<unknown, Said>> {
    const column = quote(name)
    const [rows] = await types.connection.query<(RowDataPacket & { id: number } & Said)[]>(
      `SELECT id, CAST(${column} AS CHAR) AS text, HEX(${column}) AS hex, CAST(CAST(${column} AS DOUBLE) AS CHAR) AS number FROM ${table}`,
    )
    return new Map(rows.map(row => [row.id, row]))
  }

  const tables: [table: string, columns: readonly AllTypesColumn[]][] = [
    ['loans', ALL_TYPES_COLUMNS],
    ['zero_dates', ZERO_DATES_COLUMNS],
  ]
  const ways: ((source: Source) => Source)[] = [source => source, byWireRows]
  const cases = tables.flatMap(([table, described]) => ways.map(way => [table, way.name, described, way] as const))
  test.each(cases)('arrive as MySQL itself prints them: %s %s', async (table, _way, described, way) => {
    const { columns, rows } = await readAll(table, way)
    expect(rows.size).toBeGreaterThan(Math.max(...described.map(({ values }) => values.length)))
    for (const { name, sqlType } of described) {
      const place = columns.findIndex(column => column.name === name)
      const expected = await said(table, name)
      for (const [id, row] of rows) {
        const context = `${name} ${sqlType}, row ${String(id)}`
        expect(asSaid(row[place], columns[place]!), context).toEqual(
          expectation(expected.get(id)!, columns[place]!, sqlType),
        )
      }
    }
  })

  test('are told as the port names them', async () => {
    const { columns } = await readAll('loans')
    const type = (name: string) => columns.find(column => column.name === name)?.type
    expect(type('medium_unsigned')).toEqual({ kind: 'integer', bits: 32, signed: false })
    expect(type('big_unsigned')).toEqual({ kind: 'integer', bits: 64, signed: false })
    expect(type('bit_64')).toEqual({ kind: 'integer', bits: 64, signed: false })
    expect(type('decimal_38')).toEqual({ kind: 'decimal', precision: 38, scale: 10 })
    expect(type('decimal_65')).toEqual({ kind: 'text' })
    expect(type('float')).toEqual({ kind: 'float', bits: 32 })
    expect(type('datetime_6')).toEqual({ kind: 'timestamp', utc: false })
    expect(type('timestamp_6')).toEqual({ kind: 'timestamp', utc: true })
    expect(type('time_6')).toEqual({ kind: 'text' })
    expect(type('json')).toEqual({ kind: 'text' })
    expect(type('varbinary')).toEqual({ kind: 'binary' })
  })

  test('keep 64-bit integers and times exact', async () => {
    const { columns, rows } = await readAll('loans')
    const values = (name: string) => {
      const place = columns.findIndex(column => column.name === name)
      return [...rows.values()].map(row => row[place])
    }
    expect(values('big').map(String)).toContain('9007199254740993')
    expect(values('big_unsigned').map(String)).toContain('18446744073709551615')
    expect(values('bit_64').map(String)).toContain('18446744073709551615')
    expect(values('double')).toContain(5e-324)
    expect(values('time_6')).toContain('-838:59:58.999999')
    expect(values('time_0')).toContain('838:59:59')
  })
})

interface Said {
  text: string | null
  hex: string | null
  number: string | null
}

/** A value in the form of `expectation`. */
function asSaid(value: unknown, { type }: SourceColumn): unknown {
  if (value === null) return null
  if (type.kind === 'integer') return BigInt(value as number | string)
  if (type.kind === 'binary')
    return Buffer.from(value as Uint8Array)
      .toString('hex')
      .toUpperCase()
  if (type.kind === 'timestamp') return withoutZeroFraction(value as string)
  return value
}

function expectation({ text, hex, number }: Said, { type }: SourceColumn, sqlType: string): unknown {
  if (text === null) return null
  if (sqlType.startsWith('BIT')) return BigInt(`0x${hex}`)
  if (type.kind === 'integer') return BigInt(text)
  if (type.kind === 'float') return Number(number)
  if (type.kind === 'binary') return hex
  if (type.kind === 'timestamp') return withoutZeroFraction(text)
  return sqlType.endsWith('ZEROFILL') ? text.replace(/^0+(?=\d)/, '') : text
}

function withoutZeroFraction(timestamp: string): string {
  return timestamp.replace(/\.?0+$/, match => (match.startsWith('.') ? '' : match)).replace(/(\.\d*?)0+$/, '$1')
}

describe('MySQL that does not let us in', () => {
  const changed = (change: (url: URL) => void) => {
    const url = new URL(database.url)
    change(url)
    return mysqlSource({ url: url.href, deadlines: { connectMillis: 500 } })
  }

  test('because of a wrong password is FORBIDDEN, and says nothing of the password', async () => {
    const source = changed(url => {
      url.password = 'not-the-password'
    })
    const error = await source.ping().catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'FORBIDDEN', hint: expect.stringContaining('MILLRACE_SOURCE_URL') })
    expect(String(error)).not.toContain('not-the-password')
  })

  test('because there is no such database is NOT_FOUND', async () => {
    const source = changed(url => {
      url.pathname = '/nowhere'
    })
    await expect(source.ping()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('nowhere'),
    })
  })

  test('because nothing listens is UNAVAILABLE', async () => {
    const port = await withSilentServer(async port => port)
    const source = changed(url => {
      url.port = String(port)
    })
    await expect(source.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('because it accepts the connection and says nothing is UNAVAILABLE after the deadline', async () => {
    await withSilentServer(async port => {
      const source = changed(url => {
        url.port = String(port)
      })
      await expect(source.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })
  })

  test('and is given up by a signal throws its reason at once, not at the deadline', async () => {
    await withSilentServer(async port => {
      const url = new URL(database.url)
      url.port = String(port)
      const stop = new AbortController()
      const reason = new Error('enough')
      const pinging = mysqlSource({ url: url.href, deadlines: { connectMillis: 60_000 } }).ping({ signal: stop.signal })
      setImmediate(() => stop.abort(reason))
      await expect(pinging).rejects.toBe(reason)
    })
  })

  test('because it has no TLS where TLS is asked for is FORBIDDEN', async () => {
    const source = changed(url => {
      url.search = '?ssl=true'
    })
    await expect(source.ping()).rejects.toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('TLS') })
  })

  test('because the user has no right to the database is FORBIDDEN', async () => {
    await database.connection.query("CREATE OR REPLACE USER stranger@'127.0.0.1' IDENTIFIED BY 'x'")
    const source = changed(url => {
      url.username = 'stranger'
      url.password = 'x'
    })
    await expect(source.ping()).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await database.connection.query("DROP USER stranger@'127.0.0.1'")
  })

  test('because of too many connections is UNAVAILABLE', async () => {
    await database.connection.query(
      "CREATE OR REPLACE USER busy@'127.0.0.1' IDENTIFIED BY 'x' WITH MAX_USER_CONNECTIONS 1",
    )
    await database.connection.query(`GRANT SELECT ON ${database.name}.* TO busy@'127.0.0.1'`)
    const source = changed(url => {
      url.username = 'busy'
      url.password = 'x'
    })
    const other = await createConnection({ uri: database.url, user: 'busy', password: 'x' })
    await expect(source.ping().finally(() => other.end())).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await database.connection.query("DROP USER busy@'127.0.0.1'")
  })
})

async function withSilentServer<T>(use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  try {
    return await use((server.address() as AddressInfo).port)
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
}

describe('a query on MySQL', () => {
  const source = (silenceMillis = 30_000) => mysqlSource({ url: database.url, deadlines: { silenceMillis } })

  /** The states of the connections to our database, our own left out. */
  async function connections(): Promise<{ state: string; seconds: number }[]> {
    const [rows] = await database.connection.query<RowDataPacket[]>(
      'SELECT STATE, TIME FROM INFORMATION_SCHEMA.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()',
      [database.name],
    )
    return rows.map(row => ({ state: String(row.STATE), seconds: Number(row.TIME) }))
  }
  const untilNoneIsLeft = () =>
    waitUntil(
      { description: 'the connections to end', timeoutMillis: 5_000 },
      async () => (await connections()).length === 0,
    )

  test('ends on the server when its reader stops early', async () => {
    for await (const _ of source().rows(endlessQuery(await source().columns('many')))) break
    await untilNoneIsLeft()
  })

  test('ends on the server when a signal comes while the server still thinks', async () => {
    const stop = new AbortController()
    const counting = source().count(endlessQuery([]), { signal: stop.signal })
    await waitUntil(
      { description: 'the query to run', timeoutMillis: 5_000 },
      async () => (await connections()).length > 0,
    )
    stop.abort(new Error('enough'))
    await expect(counting).rejects.toThrow('enough')
    await untilNoneIsLeft()
  })

  test('ends on the server when the source is closed, and its reader is told', async () => {
    const closing = source()
    const reading = async () => {
      for await (const _ of closing.rows(endlessQuery(await closing.columns('many')))) await closing.close()
    }
    await expect(reading()).rejects.toMatchObject({ code: 'CANCELLED' })
    await untilNoneIsLeft()
  })

  test('waits for a slow reader longer than it would wait for the server', async () => {
    const slow = source(400)
    const rows = slow.rows(endlessQuery(await slow.columns('many')))[Symbol.asyncIterator]()
    await rows.next()
    await waitUntil({ description: 'the server to wait for us for a second', timeoutMillis: 20_000 }, async () =>
      (await connections()).some(({ state, seconds }) => state === 'Writing to net' && seconds >= 1),
    )
    for (let batches = 0; batches < 50; batches++) expect((await rows.next()).done).toBe(false)
    await rows.return?.()
    await untilNoneIsLeft()
  })

  test('is UNAVAILABLE when the server says nothing for too long, and does not go on there', async () => {
    const locker = await createConnection(database.url)
    await locker.query('LOCK TABLES many WRITE')
    const hurried = source(300)
    const columns: SourceColumn[] = [{ name: 'id', type: { kind: 'integer', bits: 64, signed: true } }]
    const expected = { code: 'UNAVAILABLE', message: expect.stringContaining('said nothing for 0.3 s') }
    await expect(hurried.count(endlessQuery(columns))).rejects.toMatchObject(expected)
    await expect(collect(hurried.rows(endlessQuery(columns)))).rejects.toMatchObject(expected)
    await locker.query('UNLOCK TABLES')
    await locker.end()
    await untilNoneIsLeft()
  })

  test('is UNAVAILABLE when the server ends it', async () => {
    const reading = async () => {
      for await (const _ of source().rows(endlessQuery(await source().columns('many')))) {
        const [rows] = await database.connection.query<RowDataPacket[]>(
          "SELECT ID FROM INFORMATION_SCHEMA.PROCESSLIST WHERE DB = ? AND COMMAND = 'Execute' AND ID <> CONNECTION_ID()",
          [database.name],
        )
        for (const row of rows) await database.connection.query(`KILL ${Number(row.ID)}`)
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
