import { expect, test } from 'vitest'
import { COUNTIES, type Figures } from '../setup/wisconsinLoans.ts'
import { growthMb, type MemorySample, WARM_UP_SECONDS } from './memory.ts'
import { anyQuestion } from './questions.ts'
import { seededRandom } from './random.ts'
import { createTally } from './tally.ts'

const figures = (average: number): Figures => new Map(COUNTIES.map(county => [county, [average, 7]]))

function samples(megabytesAt: (second: number) => number): MemorySample[] {
  return Array.from({ length: WARM_UP_SECONDS + 600 }, (_, second) => ({
    atSeconds: second,
    megabytes: megabytesAt(second),
  }))
}

test('the same seed asks the same questions, and all kinds of them', () => {
  const questions = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 2_000 }, () => anyQuestion(random))
  }
  expect(questions(1).map(({ query }) => query)).toEqual(questions(1).map(({ query }) => query))
  expect(questions(1).map(({ query }) => query)).not.toEqual(questions(2).map(({ query }) => query))
  expect(new Set(questions(1).map(({ kind }) => kind)).size).toBe(11)
})

test('an average is right where it is that of any migration that may have been visible, and wrong otherwise', () => {
  const random = seededRandom(3)
  const question = Array.from({ length: 100 }, () => anyQuestion(random)).find(({ kind }) => kind === 'one county')!
  const countyCode = Number(/countyCode: (\d+)/.exec(question.query)![1])
  const answer = (averageLoan: number) => ({ c0: { countyCode, averageLoan, loans: 7, source: 'REUSE' } })
  const allowed = [figures(100), figures(101)]
  expect(question.problem(answer(100), allowed)).toBeUndefined()
  expect(question.problem(answer(101), allowed)).toBeUndefined()
  expect(question.problem(answer(102), allowed)).toContain(`wrong averages of ${countyCode}`)
  expect(question.problem({ c0: null }, allowed)).toBeUndefined()
})

test('memory that goes up and down has not grown, memory that creeps has', () => {
  expect(growthMb(samples(second => 300 + 100 * Math.sin(second)))).toBeLessThan(20)
  expect(growthMb(samples(second => (second % 40 < 10 ? 500 : 300)))).toBe(0)
  expect(growthMb(samples(second => 300 + second / 5))).toBeGreaterThan(100)
  expect(growthMb(samples(second => 300 + second / 5).slice(0, WARM_UP_SECONDS))).toBeUndefined()
})

test('a tally counts how questions ended, and how long they took', () => {
  const tally = createTally()
  for (let index = 1; index <= 99; index += 1) tally.ended('one county', 'right', index / 100)
  tally.ended('one county', 'UNAVAILABLE', 9)
  expect(tally.rows()).toEqual([
    {
      kind: 'one county',
      ended: 'right 99, UNAVAILABLE 1',
      asked: 100,
      medianSeconds: 0.5,
      p99Seconds: 0.99,
      longestSeconds: 9,
    },
  ])
})
