import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { OWN_TRANSFORMS } from '../../src/warehouse/transforms/readTransforms.ts'
import { distributedWarehouse } from '../setup/distributedWarehouse.ts'
import { type EmbeddedWarehouse, embeddedWarehouse } from '../setup/embeddedWarehouse.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { expectSameAnswer } from '../setup/sameAnswer.ts'
import { testWarehouseServers } from './warehouseServers.ts'

const DAYS = ['2026-11-18', '2026-11-19', '2026-11-20'] as const
const ROWS = 1_000
/** A busy machine takes minutes for the many small queries of three days. */
const SLOW_MILLIS = 900_000

let cluster: Cluster
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['hdfs', 'spark', 'postgres'] })
})
afterAll(() => cluster.destroy())

describe('three days of citizens through HDFS, Spark and PostgreSQL', () => {
  let folder: string
  let transformsFolder: string
  let embedded: EmbeddedWarehouse
  let distributed: EmbeddedWarehouse
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-cluster-'))
    transformsFolder = join(folder, 'transforms')
    await cp(OWN_TRANSFORMS, transformsFolder, { recursive: true })
    embedded = await embeddedWarehouse()
    distributed = await distributedWarehouse(cluster.env, { transformsFolder })
    for (const site of [embedded, distributed]) {
      for (const day of DAYS) {
        await site.makeDay(day, ROWS)
        expect(await site.run(day)).toMatchObject({ state: 'SUCCEEDED' })
      }
    }
  }, SLOW_MILLIS)
  afterAll(async () => {
    await distributed.close()
    await embedded.close()
    await rm(folder, { recursive: true })
  })

  async function sql(text: string): Promise<unknown[][]> {
    const client = new Client({ connectionString: cluster.env.MILLRACE_WAREHOUSE_URL })
    await client.connect()
    try {
      return (await client.query({ text, rowMode: 'array' })).rows as unknown[][]
    } finally {
      await client.end()
    }
  }

  test('have the rows that they have in the embedded profile, table by table and date by date', async () => {
    for (const { name } of await embedded.domain.tables()) {
      for (const day of name === 'dim_citizen' ? DAYS.slice(2) : DAYS) {
        const options = { date: day, first: 10_000 }
        const [one, other] = await Promise.all([
          embedded.warehouse.rows(name, options),
          distributed.wrapped.warehouse.rows(name, options),
        ])
        expect(one.rows.length).toBeGreaterThan(0)
        expectSameAnswer(one, other)
      }
    }
  })

  test('can be asked for with SQL, where the history of a citizen is', async () => {
    expect(await sql('SELECT count(*)::INT FROM dim_citizen WHERE is_current')).toEqual([[ROWS]])
    const [[changed]] = (await sql(
      `SELECT citizen_id FROM dim_citizen GROUP BY citizen_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1`,
    )) as [[string]]
    const history = await sql(
      `SELECT valid_from::TEXT, valid_to::TEXT, is_current FROM dim_citizen WHERE citizen_id = ${changed} ORDER BY valid_from`,
    )
    expect(history).toHaveLength(2)
    expect(history[0]![1]).toBe(history[1]![0])
    expect(history.map(row => row[2])).toEqual([false, true])
  })

  test('are only looked at when they are run again', async () => {
    const before = await sql('SELECT * FROM millrace.loads ORDER BY 1, 2')
    expect((await distributed.run(DAYS[1])).message).toContain('nothing was to do')
    expect(await sql('SELECT * FROM millrace.loads ORDER BY 1, 2')).toEqual(before)
  })

  test('are not touched by a wrong .sql file, whose error names file, line and what Spark says', async () => {
    const file = join(transformsFolder, 'agg_income.sql')
    await writeFile(file, '-- description: x\nSELECT region,\n  sum(anual_income) AS n\nFROM citizens')
    const before = await sql('SELECT * FROM agg_income ORDER BY 1, 2')
    const job = await distributed.run(DAYS[2])
    expect(job).toMatchObject({ state: 'FAILED', errorCode: 'BAD_USER_INPUT' })
    expect(job.message).toMatch(/agg_income\.sql: Spark.* at line 3.*anual_income/s)
    expect(await sql('SELECT * FROM agg_income ORDER BY 1, 2')).toEqual(before)
  })
})

testWarehouseServers(() => cluster)
