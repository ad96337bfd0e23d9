import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { openProducerWorld, type ProducerWorld, type StartedProducer } from '../setup/producerWorld.ts'

let cluster: Cluster
let world: ProducerWorld
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['mysql', 'kafka'] })
  world = await openProducerWorld(cluster.env)
})
afterAll(async () => {
  await world?.close().catch(() => undefined)
  await cluster.destroy()
})

/** A producer that is sending when `harm` begins, and goes on behind it. */
async function throughHarm(harm: () => Promise<void>): Promise<void> {
  const producer: StartedProducer = world.start()
  await world.addRows(100, 20)
  await producer.until('sent', 2)
  await harm()
  await world.addRows(100, 20)
  await world.untilAllSent(90_000)
  const { source, stored, holes } = await world.look()
  expect(holes).toEqual([])
  for (const [id, row] of source) expect(stored.get(id)).toBe(row)
  expect(stored.size).toBe(source.size)
  expect(await producer.stop('SIGTERM')).toEqual([0, null])
}

test('a producer goes on when MySQL was killed and is back', async () => {
  await throughHarm(async () => {
    await cluster.kill('mysql')
    await cluster.restart('mysql')
  })
})

test('a producer goes on when the broker was killed and is back', async () => {
  await throughHarm(async () => {
    await cluster.kill('kafka-1')
    await cluster.restart('kafka-1')
  })
})

test('a producer that starts while neither answers sends all when they are back', async () => {
  await world.addRows(50)
  await Promise.all([cluster.kill('kafka-1'), cluster.kill('mysql')])
  const producer = world.start()
  await Promise.all([cluster.restart('kafka-1'), cluster.restart('mysql')])
  await producer.until('resumed')
  await world.untilAllSent(90_000)
  expect((await world.look()).holes).toEqual([])
  expect(await producer.stop('SIGTERM')).toEqual([0, null])
})

test('a producer ends at once when it is told to, also while nothing answers', async () => {
  const producer = world.start()
  await producer.until('resumed')
  await cluster.hang('kafka-1')
  await world.addRows(20)
  await producer.until('before send')
  const startedAt = performance.now()
  expect(await producer.stop('SIGTERM')).toEqual([0, null])
  expect(performance.now() - startedAt).toBeLessThan(15_000)
  await cluster.resume('kafka-1')
})
