import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { runSoak } from './soak.ts'

/** A minute of what `npm run soak` does for half an hour; the server is built before. */

let cluster: Cluster
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql', 'hdfs'] })
})
afterAll(() => cluster?.destroy())

test('fifty questions a second of all kinds are answered right or with a typed error while DataNodes die', async () => {
  const seed = 20_211_121
  const { problems, rows, events } = await runSoak({ cluster, seconds: 60, seed, say: line => console.log(line) })
  expect(problems).toEqual([])
  expect(events.length).toBeGreaterThan(2)
  const asked = rows.reduce((sum, row) => sum + row.asked, 0)
  expect(asked).toBeGreaterThan(50 * 60 * 0.95)
  expect(rows.find(({ kind }) => kind === 'one county')?.ended).toContain('right')
}, 240_000)
