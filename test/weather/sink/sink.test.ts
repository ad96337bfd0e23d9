import { beforeEach, describe, expect, test } from 'vitest'
import { visibleFiles } from '../simulation/proof.ts'
import { batchFile, type QuietWorld, quietWorld } from './quietWorld.ts'

let world: QuietWorld
beforeEach(() => {
  world = quietWorld()
})

describe('a batch closes', () => {
  test('when it has enough rows', async () => {
    world.start()
    world.sendRows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    await world.until(() => world.batches().length === 2)
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('when it has enough bytes', async () => {
    world.start({ settings: { batchRows: 1_000, batchBytes: 40 } })
    world.sendRows(1, 2, 3, 4, 5)
    await world.until(() => world.batches().length === 2)
    expect(world.rowIds()).toEqual([1, 2, 3, 4])
  })

  test('when its first row is old enough, so that an idle topic lands too', async () => {
    world.start()
    world.sendRows(1, 2)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2])
  })

  test('when the sink is told to stop', async () => {
    const started = world.start({ settings: { batchAgeMillis: 1e9 } })
    await world.until(() => started.sink.state().phase === 'running')
    world.sendRows(1, 2, 3)
    await world.until(() => started.sink.state().heldRows === 3)
    await world.stop(started)
    expect(world.rowIds()).toEqual([1, 2, 3])
    expect(started.ended).toEqual({ error: undefined })
    expect(world.checkpoint()).toMatchObject({ batch_id: 0, offset: 3 })
  })

  test('and is told of, with what it says of itself', async () => {
    const { written } = world.start()
    world.sendRows(7, 9)
    await world.until(() => written.length === 1)
    expect(written[0]!.file.path).toBe(batchFile(0))
    expect(written[0]!.meta).toMatchObject({
      partition: 0,
      firstBatch: 0,
      lastBatch: 0,
      firstOffset: 0,
      endOffset: 2,
      rows: 2,
      minRowId: 7,
      maxRowId: 9,
      epoch: 1,
    })
  })

  test('and what comes meanwhile waits in one batch more, not in memory without end', async () => {
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    world.faults.refused = 1
    world.sendRows(...Array.from({ length: 100 }, (_, index) => index + 1))
    await world.until(() => sink.state().trouble !== null)
    world.faults.refused = 0
    await world.until(() => {
      expect(sink.state().heldRows).toBeLessThanOrEqual(10)
      return sink.state().nextOffset === 100
    })
    expect(sink.state()).toMatchObject({ trouble: null, lag: 0, rows: 100, nextBatch: 20 })
  })
})

describe('a row that comes again', () => {
  test('is left out and counted, within a batch and in a later one', async () => {
    const { sink } = world.start()
    world.sendRows(1, 2, 2, 1, 3)
    await world.stored()
    world.sendRows(2, 3, 4, 5)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5])
    await world.until(() => sink.state().doubles === 4)
  })

  test('is left out by whoever goes on later, even if a batch has nothing else', async () => {
    await world.twoBatches()
    const { sink } = world.start()
    world.sendRows(9, 10)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    await world.until(() => sink.state().nextBatch === 3)
    expect(sink.state()).toMatchObject({ rows: 10, doubles: 2 })
  })

  test('cannot be known without an id: such rows are stored once for each record', async () => {
    world.start()
    world.log.send('0 Foreign 2000-01-01 1', '0 Foreign 2000-01-01 1')
    await world.stored()
    expect(world.rowIds()).toEqual([0, 0])
  })
})

describe('a record that is no row', () => {
  test('is kept aside with its offset and the reason, and counted', async () => {
    const { sink } = world.start()
    world.sendRows(1)
    world.log.send('?', '')
    world.sendRows(2)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2])
    expect(world.json('/dead-letters/partition-0-offset-1.json')).toEqual({
      partition: 0,
      offset: 1,
      reason: 'it is a question',
      timestamp: expect.any(String) as string,
      key: null,
      value: Buffer.from('?').toString('base64'),
      headers: [],
    })
    expect(world.json('/dead-letters/partition-0-offset-2.json')).toMatchObject({
      reason: 'there is no value',
      value: null,
    })
    await world.until(() => sink.state().deadLetters === 2)
    expect(visibleFiles(world.disk).files[0]!.batch!.meta.deadLetters).toBe(2)
  })

  test('is not kept twice when the batch is made again', async () => {
    const first = world.start({
      onStep: step => {
        if (step === 'temporary open') first.host.kill()
      },
    })
    world.log.send('?')
    world.sendRows(1)
    await world.until(() => world.deadLetters().length === 1 && !first.host.isAlive())
    const { sink } = world.start()
    await world.stored()
    await world.until(() => sink.state().deadLetters === 1)
    expect(world.deadLetters()).toHaveLength(1)
  })
})

describe('records that the log dropped before they were read', () => {
  test('are said to be lost, and the rest is stored', async () => {
    await world.twoBatches()
    world.sendRows(11, 12, 13, 14, 15)
    world.log.expire(13)
    const { sink } = world.start()
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15])
    expect(visibleFiles(world.disk).files[2]!.batch!.meta).toMatchObject({
      firstOffset: 10,
      endOffset: 15,
      lost: [{ from: 10, to: 13 }],
    })
    expect(world.json('/dead-letters/partition-0-offset-10-to-12.json')).toMatchObject({ from: 10, to: 12 })
    await world.until(() => sink.state().lostRecords === 3)
    expect(sink.state().warnings).toEqual(['The log no longer had offsets 10 to 12: what they held is in no file.'])
  })
})

test('of several that take a partition over at the same moment the last one has it', async () => {
  const started = [world.start(), world.start(), world.start()]
  world.sendRows(1, 2, 3)
  await world.until(() => started.filter(({ ended }) => ended).length === 2)
  await world.stored()
  expect(new Set(started.map(({ sink }) => sink.state().epoch))).toEqual(new Set([1, 2, 3]))
  expect(started.find(({ ended }) => !ended)!.sink.state().epoch).toBe(3)
  expect(world.rowIds()).toEqual([1, 2, 3])
})

describe('while a system is down', () => {
  test('the sink says what it waits for, and goes on by itself within a minute', async () => {
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    world.faults.refused = 1
    await world.until(() => sink.state().trouble !== null)
    expect(sink.state().trouble).toMatch(/^reading the log: no answer to fetch/)
    world.faults.refused = 0
    world.sendRows(1)
    await world.until(() => sink.state().rows === 1)
    expect(sink.state().trouble).toBeNull()
  })

  test('stopping takes no longer than it may, and leaves the open batch to the log', async () => {
    const started = world.start({ settings: { closeMillis: 5_000 } })
    await world.until(() => started.sink.state().phase === 'running')
    world.sendRows(1, 2)
    await world.until(() => started.sink.state().heldRows === 2)
    world.faults.refused = 1
    await world.stop(started)
    expect(started.ended).toEqual({ error: undefined })
    expect(world.batches()).toEqual([])
    world.faults.refused = 0
    world.start()
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2])
  })

  test('stopping before anything was read is immediate', async () => {
    world.faults.refused = 1
    const started = world.start()
    await world.until(() => started.sink.state().trouble !== null)
    await world.stop(started)
    expect(started.ended).toEqual({ error: undefined })
  })
})
