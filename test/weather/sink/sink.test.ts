import { beforeEach, describe, expect, test } from 'vitest'
import type { SinkStep } from '../../../src/weather/sink/steps.ts'
import { SINK_STEPS } from '../../../src/weather/sink/steps.ts'
import { visibleFiles } from '../simulation/proof.ts'
import { type QuietWorld, quietWorld, type Started } from './quietWorld.ts'

const CHECKPOINT = '/checkpoints/partition-0.json'
const INTENT = '/checkpoints/partition-0.intent.json'
const batch = (name: number | string) => `/data/partition-0-batch-${name}.parquet`

let world: QuietWorld
beforeEach(() => {
  world = quietWorld()
})

/** Ends a sink in good order. */
async function stop({ stop, ...started }: Started): Promise<void> {
  stop.abort(new Error('stopped'))
  await world.until(() => started.sink.state().phase === 'stopped')
}

/** Batches 0 and 1 of five rows each, and nobody who runs. */
async function twoBatches(): Promise<void> {
  const first = world.start()
  world.sendRows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
  await world.stored()
  await world.until(() => (world.disk.files.has(CHECKPOINT) ? checkpoint().batch_id === 1 : false))
  first.host.kill()
}

const checkpoint = () => world.json(CHECKPOINT) as { batch_id: number; offset: number }
const deadLetters = () => [...world.disk.files.keys()].filter(path => path.startsWith('/dead-letters/')).sort()

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
    await stop(started)
    expect(world.rowIds()).toEqual([1, 2, 3])
    expect(started.ended).toEqual({ error: undefined })
    expect(checkpoint()).toMatchObject({ batch_id: 0, offset: 3 })
  })

  test('and is told of, with what it says of itself', async () => {
    const { written } = world.start()
    world.sendRows(7, 9)
    await world.until(() => written.length === 1)
    expect(written[0]!.file.path).toBe(batch(0))
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
    await twoBatches()
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
    await world.until(() => deadLetters().length === 1 && !first.host.isAlive())
    const { sink } = world.start()
    await world.stored()
    await world.until(() => sink.state().deadLetters === 1)
    expect(deadLetters()).toHaveLength(1)
  })
})

describe('records that the log dropped before they were read', () => {
  test('are said to be lost, and the rest is stored', async () => {
    await twoBatches()
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

describe('the files are the truth', () => {
  const goesOn = async () => {
    const started = world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(world.batches()).toEqual(['0', '1', '2'])
    await world.until(() => checkpoint().batch_id === 2)
    expect(checkpoint()).toMatchObject({ batch_id: 2, offset: 11, partition: 0, epoch: 2, rows: 11 })
    return started
  }

  test('where the checkpoint is missing', async () => {
    await twoBatches()
    world.disk.remove(CHECKPOINT)
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(checkpoint()).toMatchObject({ batch_id: 1, offset: 10 })
  })

  test.each([
    ['missing', () => world.disk.remove(CHECKPOINT)],
    ['torn', () => world.cut(CHECKPOINT)],
    ['of another kind', () => world.write(CHECKPOINT, '{"batch_id": 7}')],
    ['stale', () => world.write(CHECKPOINT, world.disk.files.get(CHECKPOINT)!.bytes.toString().replaceAll('10', '5'))],
  ])('where the checkpoint is %s', async (_, spoil) => {
    await twoBatches()
    spoil()
    await goesOn()
  })

  test('where the intent is missing or torn', async () => {
    await twoBatches()
    world.cut(INTENT)
    const { host } = await goesOn()
    host.kill()
    world.disk.remove(INTENT)
    world.start()
    world.sendRows(12)
    await world.stored()
    expect(world.rowIds()).toHaveLength(12)
  })

  test('even while no replica of the last one is alive: then the checkpoint made from it stands in', async () => {
    await twoBatches()
    world.faults.lostRead = 1
    const { sink } = world.start()
    await world.until(() => sink.state().trouble?.includes('no replica of it is alive') ?? false)
    world.faults.lostRead = 0
    await world.until(() => sink.state().phase === 'running')
    expect(sink.state()).toMatchObject({ trouble: null, nextBatch: 2, nextOffset: 10 })
  })
})

describe('a batch that was begun', () => {
  test('is finished with the same records, whatever the settings are now', async () => {
    const first = world.start({
      onStep: step => {
        if (step === 'intent published') first.host.kill()
      },
    })
    world.sendRows(1, 2, 3, 4, 5, 6, 7, 8)
    await world.until(() => !first.host.isAlive())
    world.start({ settings: { batchRows: 2 } })
    await world.stored()
    expect(visibleFiles(world.disk).files.map(({ batch }) => batch!.rows.rowIds)).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7],
      [8],
    ])
  })

  test('is not closed early when the sink is stopped: its end is decided', async () => {
    world.write(INTENT, '{"batch":0,"lastBatch":0,"firstOffset":0,"endOffset":4,"epoch":1}')
    world.sendRows(1, 2, 3, 4, 5)
    const first = world.start({ settings: { fetchBytes: 1 } })
    await world.until(() => first.sink.state().heldRows === 2)
    await stop(first)
    expect(world.batches()).toEqual([])
    world.start()
    await world.until(() => world.batches().length === 1)
    expect(world.rowIds()).toEqual([1, 2, 3, 4])
  })

  test.each([
    ['ends behind the log', 1_000],
    ['is larger than memory', 1e12],
  ])('is closed as any other where its intent %s', async (_, endOffset) => {
    world.write(INTENT, JSON.stringify({ batch: 0, lastBatch: 0, firstOffset: 0, endOffset, epoch: 1 }))
    world.start()
    world.sendRows(1, 2)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2])
  })

  test.each(SINK_STEPS)('is there once after the process was killed at %j', async step => {
    await twoBatches()
    world.sendRows(11, 12, 13)
    const killed = world.start({
      onStep: at => {
        if (at === step) killed.host.kill()
      },
    })
    await world.until(() => !killed.host.isAlive())
    const { sink } = world.start()
    await world.until(() => sink.state().nextOffset === world.log.end())
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
    expect(world.batches()).toEqual(['0', '1', '2'])
  })
})

describe('a file in the way', () => {
  test('that is foreign goes to the dead letters, and the batch is written', async () => {
    await twoBatches()
    world.write(batch(2), 'something else')
    const { sink } = world.start()
    world.sendRows(11, 12, 13, 14, 15, 16)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1', '2-repair-1', '3'])
    expect(world.rowIds()).toHaveLength(16)
    await world.until(() => !world.disk.files.has(batch(2)))
    const [aside, why] = deadLetters()
    expect(aside).toMatch(/^\/dead-letters\/partition-0-batch-2\.parquet-\d+$/)
    expect(Buffer.from(world.disk.files.get(aside!)!.bytes).toString()).toBe('something else')
    expect(world.json(why!)).toMatchObject({ path: batch(2), length: 14, reason: 'it is no whole batch' })
    expect(sink.state().warnings[0]).toContain('was moved to /dead-letters')
  })

  test('that is foreign does not wait for rows to go', async () => {
    await twoBatches()
    world.write(batch(2), 'something else')
    const { sink } = world.start()
    await world.until(() => !world.disk.files.has(batch(2)))
    expect(world.batches()).toEqual(['0', '1', '2-repair-1'])
    await world.until(() => sink.state().nextBatch === 3)
    world.sendRows(11)
    await world.stored()
    expect(world.rowIds()).toHaveLength(11)
  })

  test('that comes while the sink runs is met as well', async () => {
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    world.write(batch(1), 'something else')
    world.sendRows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1-repair-1', '2'])
    expect(world.rowIds()).toHaveLength(12)
  })

  test('far ahead is moved away before readers miss what lies between', async () => {
    await twoBatches()
    world.write(batch('7-to-9'), 'something else')
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.batches()).toEqual(['0', '1'])
    expect(deadLetters()).toHaveLength(2)
  })

  test('that calls itself a merged file of batches that are there is moved away, and they stay', async () => {
    await twoBatches()
    world.write(batch('0-to-3'), 'something else')
    world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1', '2'])
    expect(world.rowIds()).toHaveLength(11)
  })

  test('is taken over where it is the very batch that another owner wrote', async () => {
    const first = world.start()
    const second = world.start({
      onStep: step => {
        if (step === 'temporary open') second.host.stop()
      },
    })
    await world.until(() => second.sink.state().phase === 'running')
    first.host.kill()
    world.sendRows(1, 2, 3, 4, 5)
    await world.until(() => second.host.isStopped())
    world.start()
    await world.stored()
    second.host.resume()
    await world.until(() => second.ended !== undefined)
    expect(second.ended).toMatchObject({ error: { code: 'CONFLICT' } })
    expect(world.batches()).toEqual(['0'])
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5])
  })
})

describe('a file of ours that was cut short', () => {
  test('at the end is made again, with the rows it had', async () => {
    await twoBatches()
    world.cut(batch(1))
    world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1-repair-1', '2'])
    expect(visibleFiles(world.disk).files.map(({ batch }) => batch!.rows.rowIds.length)).toEqual([5, 5, 1])
    expect(world.rowIds()).toHaveLength(11)
  })

  test('in the middle is made again, between the offsets of its neighbours', async () => {
    await twoBatches()
    world.cut(batch(0))
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.batches()).toEqual(['0-repair-1', '1'])
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(visibleFiles(world.disk).files[0]!.batch!.meta.totals.rows).toBe(5)
  })

  test('or that is missing in the middle is made again', async () => {
    await twoBatches()
    world.disk.remove(batch(0))
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.batches()).toEqual(['0', '1'])
    expect(world.rowIds()).toHaveLength(10)
  })

  test('is said to be lost where the log has its records no more, and the stream goes on', async () => {
    await twoBatches()
    world.cut(batch(0))
    world.log.expire(3)
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(sink.state().warnings[0]).toBe(
      'Partition 0 lacks batch 0 and cannot make them again: they need offsets 0 to 4, the log has 3 to 9.',
    )
    world.sendRows(11)
    await world.until(() => sink.state().nextOffset === 11)
  })

  test('is made again as one file where several in a row are damaged', async () => {
    await twoBatches()
    world.cut(batch(0))
    world.cut(batch(1))
    world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.batches()).toEqual(['0-to-1', '2'])
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })
})

describe('an owner that was followed by another', () => {
  test('ends with CONFLICT at its next batch, and says who has the partition', async () => {
    const first = world.start()
    await world.until(() => first.sink.state().phase === 'running')
    const second = world.start()
    await world.until(() => second.sink.state().phase === 'running')
    world.sendRows(1, 2, 3)
    await world.stored()
    await world.until(() => first.ended !== undefined)
    expect(first.ended).toMatchObject({
      error: {
        code: 'CONFLICT',
        message: 'expected to own partition 0 as epoch 1, but epoch 2 took it over',
      },
    })
    expect(second.ended).toBeUndefined()
    expect(world.rowIds()).toEqual([1, 2, 3])
  })

  test.each<SinkStep>(['intent', 'intent published', 'temporary open', 'closed', 'checked', 'renamed', 'checkpoint'])(
    'and stood still at %j does no harm when it goes on',
    async step => {
      let stopped = false
      const zombie = world.start({
        onStep: at => {
          if (at !== step || stopped) return
          stopped = true
          zombie.host.stop()
        },
      })
      world.sendRows(1, 2, 3, 4, 5, 6, 7)
      await world.until(() => zombie.host.isStopped())
      const next = world.start({ settings: { batchRows: 3 } })
      await world.until(() => next.sink.state().nextOffset === world.log.end())
      world.sendRows(8, 9)
      await world.until(() => next.sink.state().nextOffset === world.log.end())
      zombie.host.resume()
      world.sendRows(10, 11, 12, 13, 14)
      await world.until(() => zombie.ended !== undefined && next.sink.state().nextOffset === world.log.end())
      expect(zombie.ended).toMatchObject({ error: { code: 'CONFLICT' } })
      expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    },
  )
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
    await stop(started)
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
    await stop(started)
    expect(started.ended).toEqual({ error: undefined })
  })
})

test('what a zombie leaves of its temporaries is swept by the next owner', async () => {
  const zombie = world.start({
    onStep: step => {
      if (step === 'half-written') zombie.host.stop()
    },
  })
  world.sendRows(1, 2)
  await world.until(() => zombie.host.isStopped())
  const next = world.start()
  await world.until(() => next.sink.state().phase === 'running')
  expect([...world.disk.files.keys()].filter(path => path.includes('.tmp'))).toEqual([])
})
