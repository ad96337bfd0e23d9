import { describe, expect, test } from 'vitest'
import { HARMLESS, SABOTAGES } from './sabotage.ts'
import { type Happened, type Sabotage, simulate } from './simulate.ts'

/** As many seeds as fit into a minute of one core; `npm run test:simulation` runs more. */
const SEEDS = Number(process.env.MILLRACE_SEEDS ?? 10_000)
const LONG_MILLIS = 60_000 + SEEDS * 300

/** The first seed that fails, and why. */
async function firstFailure(seeds: number, sabotage?: Sabotage): Promise<{ seed: number; error: unknown } | undefined> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    try {
      await simulate(seed, { ...(sabotage && { sabotage }) })
    } catch (error) {
      return { seed, error }
    }
  }
  return undefined
}

const onlySeed = process.env.MILLRACE_SEED
if (onlySeed) testOneSeed(Number(onlySeed))
else testManySeeds()

function testOneSeed(seed: number): void {
  test(`seed ${seed} ends with each row stored exactly once`, async () => {
    await simulate(seed, { trace: line => process.stdout.write(`${line}\n`) })
  })
}

function testManySeeds(): void {
  describe('whatever dies, stalls or lies in between', () => {
    test(
      `each row is stored exactly once, with ${SEEDS} seeds`,
      async () => {
        const sums: Partial<Happened> = {}
        const begun = performance.now()
        for (let seed = 1; seed <= SEEDS; seed += 1) {
          const happened = await simulate(seed).catch((error: unknown) => {
            throw new Error(`Seed ${seed} failed; MILLRACE_SEED=${seed} replays it with a trace.`, { cause: error })
          })
          for (const [name, count] of Object.entries(happened) as [keyof Happened, number][]) {
            sums[name] = (sums[name] ?? 0) + count
          }
        }
        const seconds = ((performance.now() - begun) / 1000).toFixed(1)
        process.stdout.write(`${SEEDS} seeds in ${seconds} s: ${JSON.stringify(sums)}\n`)
        expect(Object.entries(sums).filter(([, count]) => count === 0)).toEqual([])
      },
      LONG_MILLIS,
    )

    test('the same seed gives the same story', async () => {
      const tell = async () => {
        const lines: string[] = []
        await simulate(7, { trace: line => lines.push(line) })
        return lines
      }
      const story = await tell()
      expect(story.length).toBeGreaterThan(100)
      expect(await tell()).toEqual(story)
    })
  })

  describe('the simulation notices when', () => {
    test.each(Object.entries(SABOTAGES))(
      '%s',
      async (_, sabotage) => {
        expect(await firstFailure(1_000, sabotage)).toBeDefined()
      },
      LONG_MILLIS,
    )
  })

  describe('each row is stored exactly once even if', () => {
    test.each(Object.entries(HARMLESS))(
      '%s',
      async (_, sabotage) => {
        expect(await firstFailure(300, sabotage)).toBeUndefined()
      },
      LONG_MILLIS,
    )
  })
}
