import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { attachCluster, type Cluster, startCluster } from '../../harness/cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The cluster that all files of the project `cluster` share: `inject('cluster').env.MILLRACE_STORAGE_URL`. */
    cluster: { folder: string; env: Record<string, string> }
  }
}

/**
 * Starts one cluster for the whole run before the first file that needs one, and removes it after the last. Tests leave its
 * daemons alone (see ownCluster.ts) and use folders and tables with names of their own.
 *
 * MILLRACE_TEST_CLUSTER=<folder> names a cluster that is up already, for a quick loop: it is used and left up.
 */
export default async function provideCluster(project: TestProject): Promise<() => Promise<void>> {
  const existing = process.env.MILLRACE_TEST_CLUSTER
  const cluster = existing ? await attachRunning(existing) : await startShared()
  project.provide('cluster', { folder: cluster.folder, env: { ...cluster.env } })
  return async () => {
    if (!existing) await cluster.destroy()
  }
}

async function startShared(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-cluster-'))
  return startCluster({ folder, throwaway: true, progress: line => process.stderr.write(`cluster: ${line}\n`) })
}

async function attachRunning(folder: string): Promise<Cluster> {
  const cluster = await attachCluster(folder)
  const stopped = cluster?.status().filter(daemon => daemon.state !== 'running')
  if (!cluster || stopped!.length > 0) {
    const seen = cluster ? `${stopped!.map(daemon => `${daemon.name} ${daemon.state}`).join(', ')}` : 'none'
    throw new Error(
      `expected MILLRACE_TEST_CLUSTER=${folder} to name a cluster that is up, got ${seen}; see: npm run cluster -- up`,
    )
  }
  return cluster
}
