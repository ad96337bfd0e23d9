import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type BatchRange,
  batchPath,
  DATA_FOLDER,
  parseBatchName,
  visibleSet,
  withoutHoles,
} from '../../../src/weather/files/names.ts'

describe('the names of batch files', () => {
  test('say the partition and the batches', () => {
    expect(batchPath({ partition: 2, firstBatch: 7, lastBatch: 7 })).toBe('/data/partition-2-batch-7.parquet')
    expect(batchPath({ partition: 2, firstBatch: 3, lastBatch: 7 })).toBe('/data/partition-2-batch-3-to-7.parquet')
  })

  test('say which repair a file is', () => {
    const repaired = { partition: 2, firstBatch: 7, lastBatch: 7, repair: 1 }
    expect(batchPath(repaired)).toBe('/data/partition-2-batch-7-repair-1.parquet')
    expect(parseBatchName('partition-2-batch-7-repair-1.parquet')).toEqual(repaired)
    expect(parseBatchName('partition-2-batch-3-to-7-repair-12.parquet')).toEqual({
      partition: 2,
      firstBatch: 3,
      lastBatch: 7,
      repair: 12,
    })
    expect(parseBatchName('partition-2-batch-7-repair-0.parquet')).toBeUndefined()
  })

  test('are read back', () => {
    const number = fc.integer({ min: 0, max: 1_000_000_000 })
    fc.assert(
      fc.property(number, number, number, (partition, firstBatch, more) => {
        const range = { partition, firstBatch, lastBatch: firstBatch + more }
        expect(parseBatchName(batchPath(range).slice(DATA_FOLDER.length + 1))).toEqual(range)
      }),
    )
  })

  test.each([
    'partition-1-batch-01.parquet',
    'partition-1-batch-4-to-4.parquet',
    'partition-1-batch-4-to-3.parquet',
    'partition-1-batch--1.parquet',
    'partition-1-batch-1.parquet.tmp',
    '.partition-1-batch-1.parquet',
    'partition-x-batch-1.parquet',
    'partition-1-batch-1234567890123456.parquet',
  ])('are not %s', name => {
    expect(parseBatchName(name)).toBeUndefined()
  })
})

describe('the visible files of a partition', () => {
  test('are none where there are none', () => {
    expect(visibleSet([])).toEqual({ visible: [], replaced: [], holes: [], nextBatch: 0 })
  })

  test('are the merged file and what came after it, whatever of its parts is still there', () => {
    const set = visibleSet(files('3', '1', '0-2', '4', '2'))
    expect(shown(set.visible)).toEqual(['0-2', '3', '4'])
    expect(shown(set.replaced)).toEqual(['1', '2'])
    expect(set).toMatchObject({ holes: [], nextBatch: 5 })
  })

  test('are the last repair of a file, and what reaches further than any repair', () => {
    const range = { partition: 0, firstBatch: 0, lastBatch: 0 }
    const next = { ...range, firstBatch: 1, lastBatch: 1 }
    const repairs = [{ ...range, repair: 1 }, range, { ...range, repair: 10 }, { ...range, repair: 2 }, next]
    expect(visibleSet(repairs)).toEqual({
      visible: [{ ...range, repair: 10 }, next],
      replaced: [{ ...range, repair: 1 }, range, { ...range, repair: 2 }],
      holes: [],
      nextBatch: 2,
    })
    const merged = { ...range, lastBatch: 1 }
    expect(visibleSet([...repairs, merged]).visible).toEqual([merged])
  })

  test('are the largest of merged files inside each other', () => {
    const set = visibleSet(files('0', '0-1', '0-3', '2-3', '4'))
    expect(shown(set.visible)).toEqual(['0-3', '4'])
    expect(shown(set.replaced)).toEqual(['0', '0-1', '2-3'])
  })

  test('are a whole chain, also past a merged file that came late and overlaps one whose parts are gone', () => {
    const set = visibleSet(files('0', '1', '2', '3', '4-7', '0-5'))
    expect(shown(set.visible)).toEqual(['0', '1', '2', '3', '4-7'])
    expect(set).toMatchObject({ replaced: [], holes: [], nextBatch: 8 })
  })

  test('leave holes, which are told with their range', () => {
    const set = visibleSet(files('2', '3', '5-6', '9'))
    expect(shown(set.visible)).toEqual(['2', '3', '5-6', '9'])
    expect(set.holes.map(range)).toEqual(['0-1', '4', '7-8'])
    expect(() => withoutHoles(3, set)).toThrow('Partition 3 has no file in /data that holds batches 0 to 1')
  })

  test('never end before the last batch of any file, lest a number is given twice', () => {
    const set = visibleSet(files('0-3', '2-7'))
    expect(shown(set.visible)).toEqual(['0-3'])
    expect(set.holes.map(range)).toEqual(['4-7'])
    expect(set.nextBatch).toBe(8)
  })

  test('hold every batch once after any history of batches, merges of what was visible, and late sweeps and zombies', () => {
    fc.assert(
      fc.property(history, steps => {
        const there = new Map<string, BatchRange>()
        let batches = 0
        for (const step of steps) {
          const { visible, replaced, nextBatch } = visibleSet([...there.values()])
          expect(nextBatch).toBe(batches)
          if (step.kind === 'batch') add(there, batches, batches++)
          else if (step.kind === 'zombie' && batches > 0) add(there, step.at % batches, step.at % batches)
          else if (step.kind === 'sweep') for (const file of replaced.slice(step.at % 3)) there.delete(batchPath(file))
          else if (step.kind === 'merge' && visible.length > 1) {
            const first = step.at % (visible.length - 1)
            const last = Math.min(first + 1 + step.more, visible.length - 1)
            add(there, visible[first]!.firstBatch, visible[last]!.lastBatch)
          }
          expectEachOnce([...there.values()], batches)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('hold every batch once also where merges overlap, as long as nothing was swept', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.array(fc.tuple(fc.nat(), fc.nat())), (batches, merges) => {
        const there = new Map<string, BatchRange>()
        for (let batch = 0; batch < batches; batch++) add(there, batch, batch)
        for (const [a, b] of merges) add(there, Math.min(a % batches, b % batches), Math.max(a % batches, b % batches))
        expectEachOnce([...there.values()], batches)
      }),
      { numRuns: 500 },
    )
  })

  test('do not depend on the order in which the storage lists them', () => {
    const anyFiles = fc.uniqueArray(fc.tuple(fc.nat(12), fc.nat(6)), { selector: String })
    fc.assert(
      fc.property(anyFiles, fc.nat(), (ranges, turn) => {
        const all = ranges.map(([first, more]) => ({ partition: 0, firstBatch: first, lastBatch: first + more }))
        const turned = [...all.slice(turn % (all.length + 1)), ...all.slice(0, turn % (all.length + 1))]
        expect(visibleSet(turned)).toEqual(visibleSet(all))
      }),
    )
  })
})

const history = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('batch' as const) }),
    fc.record({ kind: fc.constantFrom('zombie' as const, 'sweep' as const), at: fc.nat(40) }),
    fc.record({ kind: fc.constant('merge' as const), at: fc.nat(40), more: fc.nat(5) }),
  ),
  { maxLength: 60 },
)

function expectEachOnce(there: readonly BatchRange[], batches: number): void {
  const { visible, holes } = visibleSet(there)
  const held = visible.flatMap(({ firstBatch, lastBatch }) =>
    Array.from({ length: lastBatch - firstBatch + 1 }, (_, index) => firstBatch + index),
  )
  expect(holes).toEqual([])
  expect(held).toEqual(Array.from({ length: batches }, (_, batch) => batch))
}

function add(there: Map<string, BatchRange>, firstBatch: number, lastBatch: number): void {
  const file = { partition: 0, firstBatch, lastBatch }
  there.set(batchPath(file), file)
}

/** "3" or "0-2". */
function files(...ranges: string[]): BatchRange[] {
  return ranges.map(text => {
    const [first, last = first] = text.split('-').map(Number)
    return { partition: 3, firstBatch: first!, lastBatch: last! }
  })
}

function shown(ranges: readonly BatchRange[]): string[] {
  return ranges.map(range)
}

function range({ firstBatch, lastBatch }: Omit<BatchRange, 'partition'>): string {
  return firstBatch === lastBatch ? `${firstBatch}` : `${firstBatch}-${lastBatch}`
}
