import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { runCommand } from '../harness/command.ts'
import { findPostgres } from '../harness/install.ts'
import { duckdbEngine } from '../src/datasources/duckdbEngine.ts'
import { localStorage } from '../src/datasources/localStorage.ts'
import { parsePostgresUrl } from '../src/datasources/postgres/url.ts'
import { postgresWarehouse } from '../src/datasources/postgresWarehouse.ts'
import { createPublisher } from '../src/datasources/publish.ts'
import { readCitizens } from '../src/warehouse/ingest/readCitizens.ts'
import { timed } from './timing.ts'
import { CITIZENS, DAYS, type Days } from './warehouseDays.ts'

const TABLE = 'bench_citizens'

/** Milliseconds of each way to bring a million citizens into PostgreSQL. */
export interface PublishRun {
  /** Staged and published as a date that is new, then the same date again. */
  newDate: number
  sameDate: number
  /** psql's \copy of the same rows from a CSV file into an empty table of the same columns. */
  copy: number
}

export async function measurePublish(days: Days, url: string, folder: string, repeats: number): Promise<PublishRun[]> {
  const storageFolder = join(folder, 'storage')
  await mkdir(storageFolder, { recursive: true })
  const parquet = join(folder, 'citizens.parquet')
  await readCitizens(days.csv(DAYS[1]), parquet, new AbortController().signal)
  await copyFile(parquet, join(storageFolder, 'citizens.parquet'))
  const csv = join(folder, 'citizens.csv')
  await inDuckdb(`COPY (FROM '${parquet}') TO '${csv}' (FORMAT csv, HEADER false)`)

  const storage = localStorage({ folder: storageFolder })
  const publisher = createPublisher(storage, 'bench')
  const engine = duckdbEngine({ storage, directory: storageFolder, publisher, workFolder: join(folder, 'work') })
  const address = parsePostgresUrl(url)
  const warehouse = postgresWarehouse({ address })
  const psql = (command: string) =>
    runCommand(
      join(findPostgres()!, 'psql'),
      ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--command', command],
      {
        environment: {
          PGHOST: address.host,
          PGPORT: String(address.port),
          PGUSER: address.user,
          PGPASSWORD: address.password,
          PGDATABASE: address.database,
        },
      },
    )
  try {
    const session = await engine.open()
    await session.register([{ name: 'citizens', paths: ['/citizens.parquet'], format: 'parquet' }])
    const publish = async (job: string, date: string) => {
      const rows = await warehouse.stage({ job, table: TABLE }, await session.query('SELECT * FROM citizens'))
      if (rows !== CITIZENS) throw new Error(`expected ${CITIZENS} rows, got ${rows}`)
      await warehouse.publish({ job, dataset: 'bench', date, fingerprint: job, tables: [{ name: TABLE, rows }] })
    }
    const runs: PublishRun[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      const date = `2026-01-0${repeat + 1}`
      const newDate = await timed(() => publish(`bench-${repeat}`, date))
      await psql(
        `DROP TABLE IF EXISTS by_hand; CREATE TABLE by_hand (LIKE ${TABLE}); ALTER TABLE by_hand DROP COLUMN logical_date`,
      )
      const copy = await timed(() => psql(`\\copy by_hand FROM '${csv}' (FORMAT csv, HEADER false)`))
      const sameDate = await timed(() => publish(`bench-again-${repeat}`, date))
      runs.push({ newDate, sameDate, copy })
    }
    return runs
  } finally {
    await Promise.all([engine.close(), warehouse.close(), storage.close()])
  }
}

async function inDuckdb(sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(sql)
  connection.closeSync()
  instance.closeSync()
}
