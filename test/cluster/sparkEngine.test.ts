import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { parseSparkUrl } from '../../src/datasources/spark/url.ts'
import { sparkEngine } from '../../src/datasources/sparkEngine.ts'
import { testEngine } from '../contract/engine.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

describe('with Spark', () => {
  let cluster: Cluster
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-spark-'))
    cluster = await startOwnCluster({ services: ['spark'] })
  })
  afterAll(async () => {
    await cluster.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  testEngine('Spark engine over a directory', async () => {
    const storage = localStorage({ folder })
    const address = parseSparkUrl(cluster.env.MILLRACE_ENGINE_URL!)
    return { storage, engine: sparkEngine({ address, storage, storageUrl: async () => `file://${folder}` }) }
  })
})
