import { expect, it } from 'vitest'
import { createIdMaker } from '../../src/jobs/jobId.ts'

it('makes version 7 ids that sort by their making, within a millisecond and over a clock that steps back', () => {
  let now = 1_763_700_000_000
  const makeId = createIdMaker(() => now)
  const ids: string[] = []
  for (let count = 0; count < 10_000; count++) {
    if (count === 5_000) now -= 60_000
    ids.push(makeId())
  }
  expect(ids).toEqual([...ids].sort())
  expect(new Set(ids).size).toBe(10_000)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
