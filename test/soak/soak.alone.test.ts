import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { runSoak } from './soak.ts'

/** A minute of what `npm run soak` does for half an hour, with fewer questions a second; the server is built before. */

let cluster: Cluster
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql', 'hdfs'] })
})
afterAll(() => cluster?.destroy())

const QUESTIONS_A_SECOND = 20

test('questions of all kinds are answered right or with a typed error while DataNodes die', async () => {
  const seed = 20_211_121
  const say = (line: string) => console.log(line)
  const options = { cluster, seconds: 60, questionsASecond: QUESTIONS_A_SECOND, seed, say }
  const { problems, rows, events } = await runSoak(options)
  expect(problems).toEqual([])
  expect(events.length).toBeGreaterThan(2)
  const asked = rows.reduce((sum, row) => sum + row.asked, 0)
  expect(asked).toBeGreaterThan(60 * QUESTIONS_A_SECOND * 0.95)
  expect(rows.find(({ kind }) => kind === 'one county')?.ended).toContain('right')
}, 240_000)
