import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, type ClusterOptions, startCluster } from '../../harness/cluster.ts'

/**
 * A cluster for one test file, to kill and hang as it likes; call destroy() in afterAll (and should the file never get
 * there, the cluster goes with the process). Name only the services needed, since each start takes 5 to 40 seconds:
 *
 *     let cluster: Cluster
 *     beforeAll(async () => { cluster = await startOwnCluster({ services: ['hdfs'] }) })
 *     afterAll(() => cluster.destroy())
 *
 * Its NameNode gives a silent DataNode up after 12 to 17 seconds, where the shared one takes over a minute.
 */
export async function startOwnCluster(options: Omit<ClusterOptions, 'folder' | 'throwaway'> = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-own-cluster-'))
  return startCluster({ hdfs: { recheckMillis: 1_000 }, ...options, folder, throwaway: true })
}
