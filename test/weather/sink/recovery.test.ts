import { beforeEach, describe, expect, test } from 'vitest'
import { SINK_STEPS, type SinkStep } from '../../../src/weather/sink/steps.ts'
import { visibleFiles } from '../simulation/proof.ts'
import { CHECKPOINT, INTENT, type QuietWorld, quietWorld } from './quietWorld.ts'

let world: QuietWorld
beforeEach(() => {
  world = quietWorld()
})

describe('the files are the truth', () => {
  const goesOn = async () => {
    const started = world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(world.batches()).toEqual(['0', '1', '2'])
    await world.until(() => world.checkpoint().batch_id === 2)
    expect(world.checkpoint()).toMatchObject({ batch_id: 2, offset: 11, partition: 0, epoch: 2, rows: 11 })
    return started
  }

  test('where the checkpoint is missing', async () => {
    await world.twoBatches()
    world.disk.remove(CHECKPOINT)
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.checkpoint()).toMatchObject({ batch_id: 1, offset: 10 })
  })

  test.each([
    ['missing', () => world.disk.remove(CHECKPOINT)],
    ['torn', () => world.cut(CHECKPOINT)],
    ['of another kind', () => world.write(CHECKPOINT, '{"batch_id": 7}')],
    ['stale', () => world.write(CHECKPOINT, world.disk.files.get(CHECKPOINT)!.bytes.toString().replaceAll('10', '5'))],
  ])('where the checkpoint is %s', async (_, spoil) => {
    await world.twoBatches()
    spoil()
    await goesOn()
  })

  test('where the intent is missing or torn', async () => {
    await world.twoBatches()
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
    await world.twoBatches()
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
    await world.stop(first)
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
    await world.twoBatches()
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
