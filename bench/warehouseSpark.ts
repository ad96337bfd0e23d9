import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Cluster } from '../harness/cluster.ts'
import { runCommand } from '../harness/command.ts'
import { installPythonPackages } from '../harness/installPython.ts'
import { parsePostgresUrl } from '../src/datasources/postgres/url.ts'
import { sparkTypeName } from '../src/datasources/spark/types.ts'
import { askRpcUrl } from '../src/datasources/webhdfs/rpcUrl.ts'
import { parseWebHdfsUrl } from '../src/datasources/webhdfs/url.ts'
import { CITIZEN_COLUMNS } from '../src/warehouse/citizenColumns.ts'
import { OWN_TRANSFORMS, readTransforms } from '../src/warehouse/transforms/readTransforms.ts'
import { startServer } from './server.ts'
import { DAYS, type DateRun, type Days, runDate } from './warehouseDays.ts'

const [FIRST, SECOND] = DAYS
const REQUIREMENTS = join(import.meta.dirname, '../harness/spark/requirements.txt')
const PEER = join(import.meta.dirname, 'peers/warehouse_spark.py')
const PEER_MILLIS = 600_000

/** The second day through HDFS, Spark and PostgreSQL, in a database that has the first; Spark has warmed up by then. */
export async function runOnSpark({ inbox, source }: Days, env: Cluster['env']): Promise<DateRun> {
  const server = await startServer({
    ...env,
    MILLRACE_SOURCE_URL: `duckdb:${source}`,
    MILLRACE_CITIZENS_URL: `file:${inbox}`,
  })
  try {
    await runDate(server, FIRST)
    return await runDate(server, SECOND)
  } finally {
    await server.stop()
  }
}

/** Seconds of the second day by PySpark, on the same executors once the Connect server has left them; warmed up alike. */
export async function runPySpark(days: Days, cluster: Cluster, jdbcDriver: string, folder: string): Promise<number> {
  const { host, port, database, user, password } = parsePostgresUrl(cluster.env.MILLRACE_WAREHOUSE_URL!)
  const state = JSON.parse(await readFile(join(cluster.folder, 'cluster.json'), 'utf8')) as {
    spark: { master: { port: number } }
  }
  const transforms = await readTransforms(OWN_TRANSFORMS)
  const plan = {
    master: `spark://127.0.0.1:${state.spark.master.port}`,
    // Those of the harness's Connect server.
    settings: {
      'spark.driver.host': '127.0.0.1',
      'spark.driver.memory': '768m',
      'spark.cores.max': 2,
      'spark.executor.cores': 1,
      'spark.executor.memory': '640m',
      'spark.sql.shuffle.partitions': 4,
      'spark.sql.session.timeZone': 'UTC',
      'spark.ui.enabled': false,
      'spark.hadoop.dfs.replication': 2,
      'spark.hadoop.dfs.client.use.datanode.hostname': true,
    },
    jdbcDriver,
    jdbcUrl: `jdbc:postgresql://${host}:${port}/${database}?reWriteBatchedInserts=true`,
    user,
    password,
    hdfs: await askRpcUrl(parseWebHdfsUrl(cluster.env.MILLRACE_STORAGE_URL!), {}),
    schema: CITIZEN_COLUMNS.map(({ name, type }) => `${name} ${sparkTypeName(type)}`).join(', '),
    references: await referenceFiles(days.source, folder),
    transforms: transforms.map(({ name, sql, keeps, continues }) => ({
      name,
      sql,
      keeps,
      empty:
        continues &&
        `SELECT ${continues.map(column => `CAST(NULL AS ${sparkTypeName(column.type)}) AS ${column.name}`).join(', ')} WHERE false`,
    })),
    days: [
      { date: FIRST, csv: days.csv(FIRST), before: null },
      { date: SECOND, csv: days.csv(SECOND), before: FIRST },
    ],
  }
  const python = await installPythonPackages(REQUIREMENTS, () => {})
  const printed = await runCommand(python, [PEER, JSON.stringify(plan)], { timeoutMillis: PEER_MILLIS })
  const { seconds } = JSON.parse(printed.trim().split('\n').at(-1)!) as { seconds: number[] }
  return seconds[1]!
}

async function referenceFiles(source: string, folder: string): Promise<{ name: string; csv: string }[]> {
  const files = ['regions', 'occupations'].map(name => ({ name, csv: join(folder, `${name}.csv`) }))
  const instance = await DuckDBInstance.create(source, { access_mode: 'READ_ONLY' })
  const connection = await instance.connect()
  for (const { name, csv } of files) await connection.run(`COPY ${name} TO '${csv}' (FORMAT csv, HEADER true)`)
  connection.closeSync()
  instance.closeSync()
  return files
}
