import { beforeEach, describe, expect, test } from 'vitest'
import { visibleFiles } from '../simulation/proof.ts'
import { batchFile, type QuietWorld, quietWorld } from './quietWorld.ts'

let world: QuietWorld
beforeEach(() => {
  world = quietWorld()
})

describe('a file in the way', () => {
  test('that is foreign goes to the dead letters, and the batch is written', async () => {
    await world.twoBatches()
    world.write(batchFile(2), 'something else')
    const { sink } = world.start()
    world.sendRows(11, 12, 13, 14, 15, 16)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1', '2-repair-1', '3'])
    expect(world.rowIds()).toHaveLength(16)
    await world.until(() => !world.disk.files.has(batchFile(2)))
    const [aside, why] = world.deadLetters()
    expect(aside).toMatch(/^\/dead-letters\/partition-0-batch-2\.parquet-\d+$/)
    expect(Buffer.from(world.disk.files.get(aside!)!.bytes).toString()).toBe('something else')
    expect(world.json(why!)).toMatchObject({ path: batchFile(2), length: 14, reason: 'it is no whole batch' })
    expect(sink.state().warnings[0]).toContain('was moved to /dead-letters')
  })

  test('that is foreign does not wait for rows to go', async () => {
    await world.twoBatches()
    world.write(batchFile(2), 'something else')
    const { sink } = world.start()
    await world.until(() => !world.disk.files.has(batchFile(2)))
    expect(world.batches()).toEqual(['0', '1', '2-repair-1'])
    await world.until(() => sink.state().nextBatch === 3)
    world.sendRows(11)
    await world.stored()
    expect(world.rowIds()).toHaveLength(11)
  })

  test('that comes while the sink runs is met as well', async () => {
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    world.write(batchFile(1), 'something else')
    world.sendRows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1-repair-1', '2'])
    expect(world.rowIds()).toHaveLength(12)
  })

  test('far ahead is moved away before readers miss what lies between', async () => {
    await world.twoBatches()
    world.write(batchFile('7-to-9'), 'something else')
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.batches()).toEqual(['0', '1'])
    expect(world.deadLetters()).toHaveLength(2)
  })

  test('that calls itself a merged file of batches that are there is moved away, and they stay', async () => {
    await world.twoBatches()
    world.write(batchFile('0-to-3'), 'something else')
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
    await world.twoBatches()
    world.cut(batchFile(1))
    world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.batches()).toEqual(['0', '1-repair-1', '2'])
    expect(visibleFiles(world.disk).files.map(({ batch }) => batch!.rows.rowIds.length)).toEqual([5, 5, 1])
    expect(world.rowIds()).toHaveLength(11)
  })

  test('in the middle is made again, between the offsets of its neighbours', async () => {
    await world.twoBatches()
    world.cut(batchFile(0))
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.batches()).toEqual(['0-repair-1', '1'])
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(visibleFiles(world.disk).files[0]!.batch!.meta.totals.rows).toBe(5)
  })

  test('or that is missing in the middle is made again', async () => {
    await world.twoBatches()
    world.disk.remove(batchFile(0))
    const { sink } = world.start()
    await world.until(() => sink.state().phase === 'running')
    expect(world.batches()).toEqual(['0', '1'])
    expect(world.rowIds()).toHaveLength(10)
  })

  test('is said to be lost where the log has its records no more, and the stream goes on', async () => {
    await world.twoBatches()
    world.cut(batchFile(0))
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
    await world.twoBatches()
    world.cut(batchFile(0))
    world.cut(batchFile(1))
    world.start()
    world.sendRows(11)
    await world.stored()
    expect(world.batches()).toEqual(['0-to-1', '2'])
    expect(world.rowIds()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })
})
