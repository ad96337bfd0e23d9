import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { SINK_STEPS, type SinkStep } from '../../src/weather/sink/steps.ts'
import type { RunningProcess } from '../setup/runningProcess.ts'
import { openSinkWorld, type SinkWorld, type Stored } from '../setup/sinkWorld.ts'

/** Each edge is crossed so often; `npm run test:crash` asks for more of both. */
const CRASH_ROUNDS = Number(process.env.MILLRACE_CRASH_ROUNDS ?? 5)
const ZOMBIE_ROUNDS = Number(process.env.MILLRACE_ZOMBIE_ROUNDS ?? 20)
const ROUND_MILLIS = 30_000

let world: SinkWorld
beforeEach(async () => {
  world = await openSinkWorld(inject('cluster').env)
})
afterEach(() => world.close())

/** The rows from the first on, each once, in order: what is stored at any time. */
function expectNoGapAndNoDouble({ rowIds, wrong }: Stored): void {
  expect(rowIds).toEqual(rowIds.map((_, index) => index + 1))
  expect(wrong).toEqual([])
}

async function endWell(running: RunningProcess): Promise<void> {
  running.child.kill('SIGTERM')
  expect(await running.ended).toBe(0)
  expect(running.stdout()).toContain('ended\n')
}

describe('a sink killed with -9', () => {
  test.each(SINK_STEPS)(
    `at "%s", ${CRASH_ROUNDS} times, loses nothing and doubles nothing`,
    async step => {
      for (let round = 0; round < CRASH_ROUNDS; round += 1) {
        await world.sendRows(25)
        if (round % 3 === 0) await world.sendUndecodable()
        const dying = world.start({ at: { step, signal: 'SIGKILL' } })
        await dying.ended
        expect(dying.output()).toContain(`at ${step}\n`)
        expectNoGapAndNoDouble(await world.look())
      }
      const last = world.start()
      const stored = await world.untilStored()
      expect(world.problems(stored)).toEqual([])
      expect(stored.deadLetters).toBe(Math.ceil(CRASH_ROUNDS / 3))
      await endWell(last)
    },
    60_000 + CRASH_ROUNDS * ROUND_MILLIS,
  )
})

test(
  `a sink stopped past another's take-over and continued, ${ZOMBIE_ROUNDS} times, is fenced and doubles nothing`,
  async () => {
    for (let round = 0; round < ZOMBIE_ROUNDS; round += 1) {
      // Anew now and then: each owner reads the end of every file, and nobody merges them here.
      if (round > 0 && round % SINK_STEPS.length === 0) {
        await world.close()
        world = await openSinkWorld(inject('cluster').env)
      }
      const step: SinkStep = SINK_STEPS[round % SINK_STEPS.length]!
      await world.sendRows(25)
      const zombie = world.start({ at: { step, signal: 'SIGSTOP' } })
      await zombie.shows(`at ${step}\n`)
      const next = world.start({ settings: { batchRows: 5 + (round % 7) } })
      await next.shows('epoch')
      await world.sendRows(15)
      expectNoGapAndNoDouble(await world.untilStored())
      zombie.child.kill('SIGCONT')
      await world.sendRows(10)
      await zombie.shows('failed with CONFLICT')
      const stored = await world.untilStored()
      expect(world.problems(stored), `round ${round}, stopped at "${step}"`).toEqual([])
      expectNoGapAndNoDouble(stored)
      await endWell(next)
    }
  },
  60_000 + ZOMBIE_ROUNDS * ROUND_MILLIS,
)

test('what readers see is whole at each of 1,000 moments while the stream runs', async () => {
  const sink = world.start()
  await world.sendRows(30)
  await sink.shows('batch 0')
  let rows = 0
  for (let moment = 0; moment < 1_000; moment += 1) {
    if (moment % 20 === 0) await world.sendRows(30)
    const stored = await world.look()
    expectNoGapAndNoDouble(stored)
    expect(stored.rowIds.length).toBeGreaterThanOrEqual(rows)
    rows = stored.rowIds.length
  }
  expect(world.problems(await world.untilStored())).toEqual([])
  await endWell(sink)
}, 300_000)
