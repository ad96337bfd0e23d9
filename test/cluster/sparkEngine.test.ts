import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { parseSparkUrl } from '../../src/datasources/spark/url.ts'
import { sparkEngine } from '../../src/datasources/sparkEngine.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { askRpcUrl } from '../../src/datasources/webhdfs/rpcUrl.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { collect, testEngine } from '../contract/engine.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

describe('with Spark and HDFS', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startOwnCluster({ services: ['spark', 'hdfs'] })
  })
  afterAll(() => cluster.destroy())

  const address = () => parseSparkUrl(cluster.env.MILLRACE_ENGINE_URL!)

  testEngine('Spark engine over HDFS', async () => {
    const hdfs = parseWebHdfsUrl(cluster.env.MILLRACE_STORAGE_URL!)
    const engine = sparkEngine({
      address: address(),
      storage: webHdfsStorage(hdfs),
      storageUrl: call => askRpcUrl(hdfs, call),
    })
    return { storage: webHdfsStorage(hdfs), engine }
  })

  test('Spark engine over a directory that its workers see too reads what it wrote', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-spark-'))
    const storage = localStorage({ folder })
    const engine = sparkEngine({ address: address(), storage, storageUrl: async () => `file://${folder}` })
    const session = await engine.open()
    const written = await session.write("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'", '/a folder')
    expect(written.rows).toBe(2)
    expect((await storage.list('/a folder')).filter(({ path }) => path.endsWith('.parquet'))).toHaveLength(
      written.files.length,
    )
    await session.register([{ name: 'written', paths: ['/a folder'], format: 'parquet' }])
    expect(await collect(await session.query('SELECT * FROM written ORDER BY a'))).toEqual([
      [1, 'x'],
      [2, 'y'],
    ])
    await engine.close()
    await rm(folder, { recursive: true })
  })
})
