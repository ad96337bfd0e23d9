import { MillraceError } from '../errors.ts'
import { MYSQL_DEADLINES, type MysqlConnection, openMysqlConnection } from './mysqlConnection.ts'
import { quoteMysqlName } from './mysqlTypes.ts'
import { parseMysqlUrl } from './mysqlUrl.ts'

export interface NewTable {
  name: string
  /** What stands in the parentheses of CREATE TABLE. */
  definition: string
  /** The rows as SQL, one "(1, 'a', NULL)" each. */
  rows: AsyncIterable<string[]>
}

export interface CreateTablesOptions {
  /** Whether tables of these names may be replaced; CONFLICT where there are some and it is false. */
  replace: boolean
  /** Called with the number of rows sent, of all tables together. */
  onRows?: (rows: number) => void
  signal?: AbortSignal
}

/** A statement stays well under max_allowed_packet, which is 16 MiB by default and 4 in old servers. */
const STATEMENT_CHARACTERS = 1_000_000
/** An INSERT of a million characters may wait for a busy disk. */
const SILENCE_MILLIS = 120_000

/**
 * Creates and fills tables in the database of `url`. Readers see all of the new tables or none: they are filled under
 * other names, which a failure drops, and renamed together. Errors as in Source, and CONFLICT.
 */
export async function createMysqlTables(url: string, tables: NewTable[], options: CreateTablesOptions): Promise<void> {
  const connection = await connect(url, options.signal)
  try {
    const existing = await existingOf(connection, tables)
    if (existing.length > 0 && !options.replace) throw tablesExist(existing)
    await dropUnfinished(connection, tables)
    await fill(connection, tables, options)
    await publish(connection, tables, existing)
  } catch (error) {
    connection.close()
    await cleanUp(url, tables)
    throw error
  }
  connection.close()
}

function connect(url: string, signal?: AbortSignal): Promise<MysqlConnection> {
  return openMysqlConnection(parseMysqlUrl(url), { ...MYSQL_DEADLINES, silenceMillis: SILENCE_MILLIS }, signal)
}

async function fill(
  connection: MysqlConnection,
  tables: NewTable[],
  { onRows, signal }: CreateTablesOptions,
): Promise<void> {
  let done = 0
  for (const table of tables) {
    const target = quoteMysqlName(loading(table.name))
    await connection.run(`CREATE TABLE ${target} (${table.definition}) ENGINE=InnoDB CHARACTER SET utf8mb4`)
    for await (const rows of statementsOf(table.rows)) {
      signal?.throwIfAborted()
      await connection.run(`INSERT INTO ${target} VALUES ${rows.join(',')}`)
      done += rows.length
      onRows?.(done)
    }
  }
}

/** Regroups rows into what one INSERT carries. */
async function* statementsOf(batches: AsyncIterable<string[]>): AsyncGenerator<string[], void, undefined> {
  let rows: string[] = []
  let characters = 0
  for await (const batch of batches) {
    for (const row of batch) {
      rows.push(row)
      characters += row.length
      if (characters < STATEMENT_CHARACTERS) continue
      yield rows
      rows = []
      characters = 0
    }
  }
  if (rows.length > 0) yield rows
}

/** One RENAME of all tables is atomic: a reader finds the old ones or the new ones. */
async function publish(connection: MysqlConnection, tables: NewTable[], existing: string[]): Promise<void> {
  const renames = [
    ...existing.map(name => [name, replaced(name)] as const),
    ...tables.map(({ name }) => [loading(name), name] as const),
  ]
  await connection.run(
    `RENAME TABLE ${renames.map(([from, to]) => `${quoteMysqlName(from)} TO ${quoteMysqlName(to)}`).join(', ')}`,
  )
  await dropUnfinished(connection, tables)
}

async function dropUnfinished(connection: MysqlConnection, tables: NewTable[]): Promise<void> {
  const names = tables.flatMap(({ name }) => [loading(name), replaced(name)])
  await connection.run(`DROP TABLE IF EXISTS ${names.map(quoteMysqlName).join(', ')}`)
}

/** What cannot be dropped now, because the server went away, the next call drops. */
async function cleanUp(url: string, tables: NewTable[]): Promise<void> {
  try {
    const connection = await connect(url)
    await dropUnfinished(connection, tables).finally(() => connection.close())
  } catch {
    // The first error is the one to tell.
  }
}

async function existingOf(connection: MysqlConnection, tables: NewTable[]): Promise<string[]> {
  const rows = await connection.execute(
    'SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = DATABASE()',
  )
  const names = new Set(rows.map(row => String(row[0])))
  return tables.map(table => table.name).filter(name => names.has(name))
}

function tablesExist(names: string[]): MillraceError {
  const listed = names.map(name => `"${name}"`).join(' and ')
  return new MillraceError(
    'CONFLICT',
    `Expected a database without ${listed}, it has ${names.length > 1 ? 'them' : 'it'}.`,
    {
      hint: 'Ask for the tables to be replaced (--replace), or choose another database.',
    },
  )
}

const loading = (name: string) => `${name}.loading`
const replaced = (name: string) => `${name}.replaced`
