import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Check } from '../src/datasources/warehouse.ts'
import { CITIZEN_COLUMNS } from '../src/warehouse/citizenColumns.ts'
import { OWN_TRANSFORMS, readTransforms } from '../src/warehouse/transforms/readTransforms.ts'

/** What the program is told, as JSON. */
export interface ByHandPlan {
  csv: string
  /** Has the tables regions and occupations. */
  source: string
  /** Keeps the days' Parquet files, and the DuckDB file of the results. */
  folder: string
  date: string
  /** The day before, which is in the folder already; null for the first. */
  before: string | null
}

/** What it prints. */
export interface ByHandRun {
  seconds: number
  cpuSeconds: number
  rows: Record<string, number>
}

const TYPES: Record<string, string> = {
  integer: 'BIGINT',
  text: 'VARCHAR',
  date: 'DATE',
  float: 'DOUBLE',
  timestamp: 'TIMESTAMP',
}

/** A day as somebody would write it for DuckDB alone: the same SQL and data tests in one process and one transaction, nothing kept for a failure. */
const { positionals } = parseArgs({ allowPositionals: true })
const { csv, source, folder, date, before } = JSON.parse(positionals[0]!) as ByHandPlan
const transforms = await readTransforms(OWN_TRANSFORMS)
await mkdir(folder, { recursive: true })
const began = { millis: performance.now(), cpu: process.cpuUsage() }
const instance = await DuckDBInstance.create(join(folder, 'warehouse.duckdb'))
const connection = await instance.connect()
const run = (sql: string) => connection.run(sql)
const parquet = (day: string) => `'${join(folder, `${day}.parquet`)}'`
const columns = CITIZEN_COLUMNS.map(({ name, type }) => `${name}: '${TYPES[type.kind]}'`).join(', ')

await run(`COPY (SELECT * FROM read_csv('${csv}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
  columns = {${columns}})) TO ${parquet(date)} (FORMAT parquet)`)
await run(`ATTACH '${source}' AS source (READ_ONLY)`)
await run(`CREATE TEMP VIEW citizens AS SELECT * FROM read_parquet(${parquet(date)})`)
await run(
  `CREATE TEMP VIEW previous_citizens AS SELECT * FROM read_parquet(${parquet(before ?? date)}) ${before ? '' : 'LIMIT 0'}`,
)
for (const table of ['regions', 'occupations']) await run(`CREATE TEMP VIEW ${table} AS SELECT * FROM source.${table}`)

const rows: ByHandRun['rows'] = {}
await run('BEGIN')
for (const { name, sql, keeps, continues, tests } of transforms) {
  if (continues) {
    const empty = continues.map(column => `CAST(NULL AS ${TYPES[column.type.kind] ?? 'BOOLEAN'}) AS ${column.name}`)
    const earlier = before ? `FROM main.${name}` : `SELECT ${empty.join(', ')} LIMIT 0`
    await run(`CREATE OR REPLACE TEMP VIEW previous_${name} AS ${earlier}`)
  }
  const select = sql.replaceAll(':date', `'${date}'`)
  await run(`CREATE TABLE new_rows AS SELECT *, DATE '${date}' AS logical_date FROM (${select})`)
  for (const { check } of tests) await expectPassed(name, check)
  if (keeps === 'latest' || !before) {
    await run(`DROP TABLE IF EXISTS main.${name}`)
    await run(`ALTER TABLE new_rows RENAME TO ${name}`)
  } else {
    await run(`DELETE FROM main.${name} WHERE logical_date = DATE '${date}'`)
    await run(`INSERT INTO main.${name} SELECT * FROM new_rows`)
    await run('DROP TABLE new_rows')
  }
  rows[name] = await numberOf(`SELECT count(*) FROM main.${name} WHERE logical_date = DATE '${date}'`)
}
await run('COMMIT')
connection.closeSync()
instance.closeSync()
const { user, system } = process.cpuUsage(began.cpu)
const result: ByHandRun = {
  seconds: (performance.now() - began.millis) / 1_000,
  cpuSeconds: (user + system) / 1e6,
  rows,
}
process.stdout.write(`${JSON.stringify(result)}\n`)

async function numberOf(sql: string): Promise<number> {
  return Number((await connection.runAndReadAll(sql)).getRows()[0]![0])
}

async function expectPassed(table: string, check: Check): Promise<void> {
  const wrong = await numberOf(`SELECT count(*) FROM ${wrongSql(check)}`)
  if (wrong > 0) throw new Error(`${table}: ${JSON.stringify(check)} failed`)
}

function wrongSql(check: Check): string {
  switch (check.kind) {
    case 'notNull':
      return `new_rows WHERE ${check.column} IS NULL`
    case 'unique':
      return `(SELECT 1 FROM new_rows GROUP BY ${check.columns.join(', ')} HAVING count(*) > 1)`
    case 'acceptedValues':
      return `new_rows WHERE ${check.column} NOT IN (${check.values.map(value => (typeof value === 'string' ? `'${value}'` : value)).join(', ')})`
    case 'rowCount':
      return `(SELECT count(*) AS n FROM new_rows) WHERE n NOT BETWEEN ${check.least} AND ${check.most}`
  }
}
