import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { ProducerStep } from '../../src/weather/producer/producer.ts'
import { openProducerWorld, type ProducerWorld } from '../setup/producerWorld.ts'

/** Each edge is crossed so often; MILLRACE_CRASH_ROUNDS asks for more. */
const ROUNDS = Number(process.env.MILLRACE_CRASH_ROUNDS ?? 5)
/** Starting a process takes some seconds on a busy machine. */
const LONG = { timeout: 60_000 + ROUNDS * 15_000 }

let world: ProducerWorld
beforeAll(async () => {
  world = await openProducerWorld(inject('cluster').env)
})
afterAll(() => world.close())

/** Whatever happened: all rows, each as it is in the source, nothing else. */
async function expectAllStoredOnce(): Promise<void> {
  const { source, stored, holes } = await world.look()
  expect(holes).toEqual([])
  expect(stored.size).toBe(source.size)
  for (const [id, row] of source) expect(stored.get(id)).toBe(row)
}

describe('a producer killed with -9', () => {
  const EDGES: ProducerStep[] = ['topic made', 'resumed', 'rows read', 'before send', 'sent', 'gap seen', 'gap passed']

  /** Others come again with each ten rows; gaps that can be seen together are passed together. */
  const ONCE: ProducerStep[] = ['topic made', 'resumed', 'gap seen', 'gap passed']

  test.each(EDGES)(`at "%s", ${ROUNDS} times, leaves no hole, and the next one goes on`, LONG, async step => {
    for (let round = 0; round < ROUNDS; round++) {
      await world.addRows(25, 9)
      await world.crash({ step, time: ONCE.includes(step) ? 1 : 1 + (round % 2) })
      const { holes, stored, source } = await world.look()
      expect(holes).toEqual([])
      for (const id of stored.keys()) expect(source.has(id)).toBe(true)
    }
  })

  test('any number of times: the last one sends what is left, and nothing was lost', async () => {
    const child = world.start()
    await world.untilAllSent()
    await expectAllStoredOnce()
    expect(await child.stop('SIGTERM')).toEqual([0, null])
  })

  test('at any moment while rows come, leaves no hole', async () => {
    const before = (await world.look()).source.size
    const adding = world.addRows(600, 50)
    for (let kill = 0; kill < 4; kill++) {
      const child = world.start()
      await child.until('sent', 1 + 3 * kill)
      await child.stop('SIGKILL')
      expect((await world.look()).holes).toEqual([])
    }
    const last = world.start()
    await adding
    await world.untilAllSent()
    await expectAllStoredOnce()
    expect((await world.look()).source.size).toBe(before + 600)
    await last.stop('SIGTERM')
  })

  test('after it has removed the topic: the next one makes it anew and sends everything', async () => {
    await world.crash({ step: 'topic removed', time: 1 }, { recreateTopic: true })
    const child = world.start()
    await world.untilAllSent()
    await expectAllStoredOnce()
    expect((await world.look()).doubles).toBe(0)
    await child.stop('SIGTERM')
  })
})

test('a producer that is started again sends nothing twice', async () => {
  const { doubles, source } = await world.look()
  for (let start = 0; start < 3; start++) {
    const child = world.start()
    await child.until('resumed')
    await world.addRows(1)
    await world.untilAllSent()
    await child.stop('SIGTERM')
  }
  const after = await world.look()
  expect(after.doubles).toBe(doubles)
  expect(after.stored.size).toBe(source.size + 3)
})

test('a producer that stood still while another went on, and then goes on too, makes doubles at most', async () => {
  const late = world.start()
  await late.until('resumed')
  await world.addRows(60)
  await late.until('sent')
  late.signal('SIGSTOP')
  const other = world.start()
  await world.addRows(60, 10)
  await world.untilAllSent()
  late.signal('SIGCONT')
  await world.addRows(60, 10)
  await world.untilAllSent()
  await expectAllStoredOnce()
  expect(await late.stop('SIGTERM')).toEqual([0, null])
  expect(await other.stop('SIGTERM')).toEqual([0, null])
  await expectAllStoredOnce()
})

describe('a row of a transaction that commits late', () => {
  test('is in the log before the rows behind it', async () => {
    const late = await createConnection(world.database.url)
    await late.beginTransaction()
    const insert = "INSERT INTO temperatures (station_id, date, degrees) VALUES ('StationA', '2000-01-01', 1)"
    const [{ insertId }] = (await late.query(insert)) as unknown as [{ insertId: number }]
    await world.addRows(20)
    const child = world.start()
    await child.until('gap seen')
    // It has been waiting; what is there now is what it gave up nothing for.
    expect(Math.max(...(await world.look()).stored.keys())).toBeLessThan(insertId)
    await late.commit()
    await world.untilAllSent()
    await expectAllStoredOnce()
    expect((await world.look()).stored.has(insertId)).toBe(true)
    await child.stop('SIGTERM')
    await late.end()
  })

  test('is not waited for once it was rolled back', async () => {
    const late = await createConnection(world.database.url)
    await late.beginTransaction()
    const insert = "INSERT INTO temperatures (station_id, date, degrees) VALUES ('StationA', '2000-01-01', 1)"
    const [{ insertId }] = (await late.query(insert)) as unknown as [{ insertId: number }]
    await world.addRows(20)
    const child = world.start()
    await child.until('gap seen')
    await late.rollback()
    await world.untilAllSent()
    expect((await world.look()).stored.has(insertId)).toBe(false)
    await child.stop('SIGTERM')
    await late.end()
  })
})
