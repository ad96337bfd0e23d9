import { afterAll, beforeAll, describe } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { parsePostgresUrl } from '../../src/datasources/postgres/url.ts'
import { postgresWarehouse } from '../../src/datasources/postgresWarehouse.ts'
import { testWarehouse } from '../contract/warehouse.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

describe('with PostgreSQL', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startOwnCluster({ services: ['postgres'] })
  })
  afterAll(() => cluster.destroy())

  testWarehouse('PostgreSQL warehouse', async () =>
    postgresWarehouse({ address: parsePostgresUrl(cluster.env.MILLRACE_WAREHOUSE_URL!) }),
  )
})
