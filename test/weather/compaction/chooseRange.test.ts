import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Candidate, choose, chooseAny } from '../../../src/weather/compaction/chooseRange.ts'
import { compactionDefaults } from '../../../src/weather/compaction/settings.ts'

const MIB = 1024 * 1024
const settings = { minFiles: 4, maxBytes: 100 * MIB }

describe('what is merged by itself', () => {
  test('is nothing while there are few files', () => {
    expect(choose(files(1, 1, 1), settings)).toEqual([])
  })

  test('are all small files, whatever their number', () => {
    expect(shown(choose(files(1000, 10, 10, 10, 10), settings))).toEqual([1000, 10, 10, 10, 10])
  })

  test('is not a file that is much larger than all newer ones together', () => {
    expect(shown(choose(files(40 * MIB, MIB, 20, 30, 40), settings))).toEqual([MIB, 20, 30, 40])
    expect(shown(choose(files(6 * MIB, MIB, MIB, 30, 40), settings))).toEqual([6 * MIB, MIB, MIB, 30, 40])
  })

  test('stays below the largest size', () => {
    const sizes = [15 * MIB, 5 * MIB, MIB, MIB, MIB]
    expect(shown(choose(files(...sizes), { minFiles: 4, maxBytes: 23 * MIB }))).toEqual(sizes)
    expect(shown(choose(files(...sizes), { minFiles: 4, maxBytes: 22 * MIB }))).toEqual(sizes.slice(1))
  })

  test('does not span a gap', () => {
    const all = files(1, 2, 3, 4, 5, 6)
    all[2]!.follows = false
    expect(shown(choose(all, settings))).toEqual([3, 4, 5, 6])
    all[3]!.follows = false
    expect(choose(all, settings)).toEqual([])
  })

  test.each([3_000, 14_000, 60_000, 1_000_000])(
    'leaves at most four files after an hour of a batch a second of %i bytes, and writes each byte a few times',
    bytes => {
      let there: Candidate[] = []
      let written = 0
      let most = 0
      for (let batch = 0; batch < 3_600; batch++) {
        there.push({ partition: 0, firstBatch: batch, lastBatch: batch, length: bytes, follows: batch > 0 })
        const chosen = choose(there, compactionDefaults)
        if (chosen.length === 0) continue
        const merged = { ...chosen[0]!, lastBatch: batch, length: chosen.reduce((sum, file) => sum + file.length, 0) }
        written += merged.length
        there = [...there.slice(0, -chosen.length), merged]
        // Those that are as large as they can be are not counted: 3.6 GB need 28 files.
        const growing = there.filter(({ length }) => length < compactionDefaults.maxBytes / 2)
        most = Math.max(most, growing.length)
      }
      expect(most).toBeLessThanOrEqual(4)
      const cheap = MIB / (bytes * compactionDefaults.minFiles)
      expect(written / (3_600 * bytes)).toBeLessThan(12 + Math.max(0, cheap))
    },
  )
})

describe('what is merged when asked for', () => {
  test('are the first files that make one that is not too large', () => {
    expect(shown(chooseAny(files(5, 6), settings))).toEqual([5, 6])
    expect(shown(chooseAny(files(90 * MIB, 50 * MIB, 30 * MIB, 30 * MIB), settings))).toEqual([50 * MIB, 30 * MIB])
    expect(chooseAny(files(5), settings)).toEqual([])
    expect(chooseAny(files(90 * MIB, 50 * MIB, 60 * MIB), settings)).toEqual([])
  })

  test('leaves no two neighbours that could be one', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), sizes => {
        let there = files(...sizes)
        for (let chosen = chooseAny(there, { maxBytes: 100 }); chosen.length > 0; ) {
          const start = there.indexOf(chosen[0]!)
          const length = chosen.reduce((sum, file) => sum + file.length, 0)
          expect(length).toBeLessThanOrEqual(100)
          there = there.toSpliced(start, chosen.length, { ...chosen[0]!, lastBatch: chosen.at(-1)!.lastBatch, length })
          chosen = chooseAny(there, { maxBytes: 100 })
        }
        for (const [index, file] of there.slice(1).entries()) {
          expect(there[index]!.length + file.length).toBeGreaterThan(100)
        }
      }),
    )
  })
})

function files(...lengths: number[]): Candidate[] {
  return lengths.map((length, batch) => ({
    partition: 0,
    firstBatch: batch,
    lastBatch: batch,
    length,
    follows: batch > 0,
  }))
}

function shown(chosen: readonly Candidate[]): number[] {
  return chosen.map(({ length }) => length)
}
