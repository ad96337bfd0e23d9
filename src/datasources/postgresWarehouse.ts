import { hasCode, MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import {
  openPostgresConnection,
  POSTGRES_DEADLINES,
  type PostgresConnection,
  type PostgresDeadlines,
} from './postgres/connection.ts'
import { copyText } from './postgres/copyText.ts'
import { sqlStateOf } from './postgres/errors.ts'
import { type PostgresAddress, showPostgresAddress } from './postgres/url.ts'
import { describePostgresType, postgresTypeName, readPostgresRow } from './postgres/values.ts'
import { lockHeld } from './turns.ts'
import { LOGICAL_DATE, type Load, type Publication, type Warehouse, type WarehouseCall } from './warehouse.ts'
import { columnDefinitions, createCatalog } from './warehouseCatalog.ts'
import { type Filling, warehouseMethods } from './warehouseMethods.ts'
import { OWN_SCHEMA, qualifiedStage } from './warehouseNames.ts'
import {
  deleteAndInsert,
  deleteReplaced,
  insertStage,
  lackingColumns,
  publishedLoad,
  publishStages,
} from './warehousePublish.ts'
import {
  quoteName,
  quoteText,
  type Replacement,
  type WarehouseDialect,
  type WarehouseSession,
} from './warehouseSession.ts'

export interface PostgresWarehouseOptions {
  address: PostgresAddress
  deadlines?: PostgresDeadlines
}

const LOCK_NOT_AVAILABLE = '55P03'

/** Results in a PostgreSQL database; result tables in the schema public, log and stages in the schema millrace. One connection a call. */
export function postgresWarehouse({ address, deadlines = POSTGRES_DEADLINES }: PostgresWarehouseOptions): Warehouse {
  let closing = new AbortController()
  let hasCatalog = false

  async function withConnection<T>(call: Call, use: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    const signal = call.signal ? AbortSignal.any([call.signal, closing.signal]) : closing.signal
    const connection = await openPostgresConnection(address, deadlines, signal)
    try {
      return await use(connection)
    } finally {
      connection.close()
    }
  }
  function withSession<T>(call: Call, use: (session: WarehouseSession, connection: PostgresConnection) => Promise<T>) {
    return withConnection(call, async connection => {
      const session = postgresSession(connection)
      if (!hasCatalog) await createCatalog(session, DIALECT)
      hasCatalog = true
      return await use(session, connection)
    })
  }

  async function publish(publication: Publication, call: Call): Promise<Load> {
    try {
      return await withSession(call, async (session, connection) => {
        await connection.query(`SET lock_timeout = ${deadlines.lockMillis}`)
        return await publishStages(session, DIALECT, publication)
      })
    } catch (error) {
      call.signal?.throwIfAborted()
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      // The commit may have taken place although its answer was lost.
      const load = await withSession(call, session => publishedLoad(session, publication)).catch(() => undefined)
      if (load) return load
      throw error
    }
  }

  return {
    kind: 'postgres',
    url: showPostgresAddress(address),
    ...warehouseMethods({ dialect: DIALECT, withSession, fill }),
    publish: (publication, call = {}) => publish(publication, call),

    exclusively: (name, waitMillis, work, call = {}) =>
      withConnection(call, async connection => {
        await connection.query(`SET lock_timeout = ${Math.max(1, Math.round(waitMillis))}`)
        try {
          await connection.long(`SELECT pg_advisory_lock(${LOCK_KEY})`, [`work ${name}`])
        } catch (error) {
          throw sqlStateOf(error) === LOCK_NOT_AVAILABLE ? lockHeld(name, waitMillis) : error
        }
        return await whileHeld(connection, deadlines, work, call)
      }),

    ping: (call = {}) =>
      withConnection(call, async connection => {
        const { rows } = await connection.query('SHOW server_version')
        return `PostgreSQL ${String(rows[0]?.[0])}`
      }),
    async close() {
      closing.abort(new MillraceError('CANCELLED', 'The PostgreSQL warehouse was closed while it was in use.'))
      closing = new AbortController()
    },
  }
}

/** Locks have numbers; those of other programs in the same database are kept apart by the prefix. */
const LOCK_KEY = "hashtextextended('millrace ' || $1, 0)"

const DIALECT: WarehouseDialect = {
  schema: 'public',
  stageSchema: OWN_SCHEMA,
  typeName: postgresTypeName,
  async columnsOf(session, schema, table) {
    const rows = await session.query(
      `SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`,
      [schema, table],
    )
    return rows.map(([name, dataType, precision, scale]) => {
      const number = (value: unknown) => (value === null ? null : Number(value))
      const column = { dataType: String(dataType), precision: number(precision), scale: number(scale) }
      return { name: String(name), type: describePostgresType(column) }
    })
  },
  async lock(session, name) {
    await session.query(`SELECT pg_advisory_xact_lock(${LOCK_KEY})`, [name])
  },
  tableOptions: replaces => (replaces === 'date' ? `PARTITION BY LIST (${LOGICAL_DATE})` : ''),
  replaceRows,
}

/**
 * A date that is new becomes a partition: the stage itself, without a copy. Into the partition of a date that is there the rows are
 * copied, because to take it out would wait for everyone who reads the table, and keep others from it meanwhile.
 */
async function replaceRows(session: WarehouseSession, replacement: Replacement) {
  const { stage, staged, date } = replacement
  const table = `public.${quoteName(stage.table)}`
  const [kind] = await session.query(`SELECT relkind = 'p' FROM pg_class WHERE oid = CAST($1 AS regclass)`, [table])
  if (kind?.[0] !== 't') return await deleteAndInsert(session, table, replacement)

  const partition = `${stage.table}_p${date.replaceAll('-', '')}`
  const replacedRows = await deleteReplaced(session, table, replacement)
  const there = await session.query(
    `SELECT 1 FROM pg_inherits INNER JOIN pg_class ON pg_class.oid = inhrelid
     WHERE inhparent = CAST($1 AS regclass) AND relname = $2`,
    [table, partition],
  )
  if (there.length > 0) return { inserted: await insertStage(session, table, replacement), replacedRows }

  const [count] = await session.query(`SELECT count(*) FROM ${staged}`)
  const lacking = await lackingColumns(session, DIALECT, replacement)
  const additions = [`${LOGICAL_DATE} DATE NOT NULL DEFAULT DATE ${quoteText(date)}`, ...lacking]
  await session.query(`ALTER TABLE ${staged} ${additions.map(column => `ADD COLUMN ${column}`).join(', ')}`)
  await session.query(`ALTER TABLE ${staged} RENAME TO ${quoteName(partition)}`)
  await session.query(`ALTER TABLE ${quoteName(OWN_SCHEMA)}.${quoteName(partition)} SET SCHEMA public`)
  await session.query(
    `ALTER TABLE ${table} ATTACH PARTITION public.${quoteName(partition)} FOR VALUES IN (${quoteText(date)})`,
  )
  return { inserted: Number(count![0]), replacedRows }
}

function postgresSession(connection: PostgresConnection): WarehouseSession {
  const ask = async (sql: string, values: readonly (string | number | null)[] = []) =>
    await connection.long(sql, values)
  return {
    query: async (sql, values) => (await ask(sql, values)).rows,
    change: async (sql, values) => (await ask(sql, values)).count,
    async rows(columns, rest, values) {
      const names = columns.map(({ name }) => quoteName(name)).join(', ')
      const { rows } = await ask(`SELECT ${names} ${rest}`, values)
      return rows.map(row => readPostgresRow(columns, row))
    },
    async transaction(work) {
      await connection.query('BEGIN')
      try {
        const result = await work()
        await connection.long('COMMIT')
        return result
      } catch (error) {
        await connection.query('ROLLBACK').catch(() => undefined) // the connection may be gone, and the transaction with it
        throw error
      }
    },
  }
}

/** Frozen, because nobody sees the table before it is whole: reading it later then writes nothing. */
async function fill({ session, connection, stage, rows, call }: Filling<PostgresConnection>): Promise<number> {
  const table = qualifiedStage(DIALECT, stage)
  let count = 0
  const counted: WarehouseCall = {
    ...call,
    onRows(rows) {
      count = rows
      call.onRows?.(rows)
    },
  }
  await session.transaction(async () => {
    await connection.query(`CREATE TABLE ${table} (${columnDefinitions(DIALECT, rows.columns)})`)
    await connection.copyIn(`COPY ${table} FROM STDIN WITH (FREEZE)`, copyText(rows, counted))
  })
  return count
}

/** The lock is the connection's: it is asked now and then whether it is still there. */
async function whileHeld<T>(
  connection: PostgresConnection,
  { heartbeatMillis }: PostgresDeadlines,
  work: (signal: AbortSignal) => Promise<T>,
  { signal }: Call,
): Promise<T> {
  const losing = new AbortController()
  let asking = false
  const timer = setInterval(() => {
    if (asking) return
    asking = true
    connection.query('SELECT 1').then(
      () => {
        asking = false
      },
      (error: unknown) => losing.abort(error),
    )
  }, heartbeatMillis)
  try {
    return await work(signal ? AbortSignal.any([signal, losing.signal]) : losing.signal)
  } finally {
    clearInterval(timer)
  }
}
