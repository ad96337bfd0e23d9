import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import { appendDuckdbRows } from './duckdbAppend.ts'
import { duckdbConnections } from './duckdbConnections.ts'
import { duckdbQueryOf, prepareDuckdb, run } from './duckdbQuery.ts'
import { rowReader, streamedRows } from './duckdbRows.ts'
import { describeDuckdbColumn, duckdbTypeName } from './duckdbTypes.ts'
import type { Row } from './source.ts'
import { createTurns, takeTurnWithin } from './turns.ts'
import { LOGICAL_DATE, type Warehouse } from './warehouse.ts'
import { columnDefinitions, createCatalog } from './warehouseCatalog.ts'
import { type Filling, warehouseMethods } from './warehouseMethods.ts'
import { qualifiedStage } from './warehouseNames.ts'
import { deleteAndInsert, lackingColumns, publishStages } from './warehousePublish.ts'
import {
  quoteName,
  quoteText,
  type Replacement,
  type WarehouseDialect,
  type WarehouseSession,
} from './warehouseSession.ts'

/** Beyond it DuckDB goes on in files beside its own. */
const MEMORY_LIMIT = '2GB'

/**
 * Results in a DuckDB file, opened when first asked and made where it is missing. One process at a time can have it open, so
 * publications queue up inside this one, and locks are its own.
 */
export function duckdbWarehouse({ file }: { file: string }): Warehouse {
  const connections = duckdbConnections(() => openFile(file))
  const catalog = createTurns()
  const publications = createTurns()
  const turns = createTurns()

  function withSession<T>(call: Call, use: (session: WarehouseSession, connection: DuckDBConnection) => Promise<T>) {
    return connections.answer(call, async connection => {
      await connection.run("SET TimeZone = 'UTC'")
      const session = duckdbSession(connection)
      // Two that make the same schema at once conflict.
      const release = await catalog.take('', call.signal)
      try {
        await createCatalog(session, DIALECT)
      } finally {
        release()
      }
      return await use(session, connection)
    })
  }

  return {
    kind: 'duckdb',
    url: `duckdb:${file}`,
    ...warehouseMethods({ dialect: DIALECT, withSession, fill }),
    async publish(publication, call = {}) {
      const release = await publications.take('', call.signal)
      try {
        return await withSession(call, session => publishStages(session, DIALECT, publication))
      } finally {
        release()
      }
    },

    async exclusively(name, waitMillis, work, call = {}) {
      const release = await takeTurnWithin(turns, name, waitMillis, call.signal)
      try {
        return await work(call.signal ?? new AbortController().signal)
      } finally {
        release()
      }
    },

    ping: (call = {}) =>
      withSession(call, async session => `DuckDB ${String((await session.query('SELECT version()'))[0]?.[0])}`),
    close: () =>
      connections.close(new MillraceError('CANCELLED', 'The DuckDB warehouse was closed while it was in use.')),
  }
}

const DIALECT: WarehouseDialect = {
  schema: 'main',
  stageSchema: 'main', // DuckDB does not move tables between schemas, and a stage may become a result table
  typeName: duckdbTypeName,
  async columnsOf(session, schema, table) {
    const rows = await session.query(
      `SELECT column_name, data_type FROM duckdb_columns()
       WHERE database_name = current_database() AND schema_name = $1 AND table_name = $2 ORDER BY column_index`,
      [schema, table],
    )
    return rows.map(([name, dataType]) => {
      const { type } = describeDuckdbColumn({ name: String(name), dataType: String(dataType) })
      return { name: String(name), type }
    })
  },
  lock: async () => {}, // publications come one by one
  tableOptions: () => '',
  replaceRows,
}

/** Of a table that keeps one date alone the stage becomes the table: writing its rows again would cost what staging them did. */
async function replaceRows(session: WarehouseSession, replacement: Replacement) {
  const { stage, staged, date, replaces } = replacement
  const table = `main.${quoteName(stage.table)}`
  if (replaces === 'date') return await deleteAndInsert(session, table, replacement)
  const [counts] = await session.query(`SELECT (SELECT count(*) FROM ${staged}), (SELECT count(*) FROM ${table})`)
  const lacking = await lackingColumns(session, DIALECT, replacement)
  await session.query(`DROP TABLE ${table}`)
  // A plain text: any other expression becomes an UPDATE, and a file whose process dies then cannot be opened again (duckdb#22124).
  for (const column of [`${LOGICAL_DATE} DATE DEFAULT ${quoteText(date)}`, ...lacking]) {
    await session.query(`ALTER TABLE ${staged} ADD COLUMN ${column}`)
  }
  await session.query(`ALTER TABLE ${staged} RENAME TO ${quoteName(stage.table)}`)
  return { inserted: Number(counts![0]), replacedRows: Number(counts![1]) }
}

function duckdbSession(connection: DuckDBConnection): WarehouseSession {
  const session: WarehouseSession = {
    async query(sql, values = []) {
      const reader = await connection.runAndReadAll(sql, [...values])
      return reader.getRows()
    },
    async change(sql, values = []) {
      const result = await connection.run(sql, [...values])
      return result.rowsChanged
    },
    async rows(columns, rest, values) {
      const { selectList, read } = rowReader(
        columns.map(({ name, type }) => {
          const described = describeDuckdbColumn({ name, dataType: duckdbTypeName(type) })
          return { type, sql: described.select(quoteName(name)) }
        }),
      )
      const rows: Row[] = []
      const result = await connection.run(`SELECT ${selectList} ${rest}`, [...values])
      for await (const batch of streamedRows(result, read)) rows.push(...batch)
      return rows
    },
    async transaction(work) {
      await connection.run('BEGIN')
      try {
        const result = await work()
        await connection.run('COMMIT')
        return result
      } catch (error) {
        await connection.run('ROLLBACK').catch(() => undefined) // an error may have ended it already
        throw error
      }
    },
  }
  return session
}

/** Returns how many rows. What another DuckDB of this process would answer, this one asks itself. */
async function fill({ session, connection, stage, rows, call }: Filling<DuckDBConnection>): Promise<number> {
  const table = qualifiedStage(DIALECT, stage)
  const query = duckdbQueryOf(rows)
  if (!query) {
    await session.query(`CREATE TABLE ${table} (${columnDefinitions(DIALECT, rows.columns)})`)
    return await appendDuckdbRows(connection, table, rows, call)
  }
  await prepareDuckdb(connection, query.views)
  const columns = rows.columns.map(
    ({ name, type }) => `CAST(${quoteName(name)} AS ${duckdbTypeName(type)}) AS ${quoteName(name)}`,
  )
  await run(connection, `CREATE TABLE ${table} AS SELECT ${columns.join(', ')} FROM (`, query.sql, '\n) AS answer')
  const [count] = await session.query(`SELECT count(*) FROM ${table}`)
  call.onRows?.(Number(count![0]))
  return Number(count![0])
}

async function openFile(file: string): Promise<DuckDBInstance> {
  await mkdir(dirname(file), { recursive: true })
  try {
    return await DuckDBInstance.create(file, { autoinstall_known_extensions: 'false', memory_limit: MEMORY_LIMIT })
  } catch (cause) {
    throw new MillraceError('UNAVAILABLE', `The DuckDB file ${file} of the warehouse cannot be opened.`, {
      hint: 'Check that it is a DuckDB file and that no other program has it open.',
      cause,
    })
  }
}
