import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { COMPACTION_STEPS, type CompactionStep } from '../../src/weather/compaction/steps.ts'
import { type BatchFiles, createBatchFiles, wholeOf } from '../../src/weather/files/batchFiles.ts'
import { openBatchFile } from '../../src/weather/files/openBatchFile.ts'
import type { CompactionPlan } from '../setup/compactionProcess.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'
import { openSinkWorld, type SinkWorld } from '../setup/sinkWorld.ts'

/** Each edge is crossed so often; `npm run test:crash` asks for more. */
const CRASH_ROUNDS = Number(process.env.MILLRACE_CRASH_ROUNDS ?? 5)
/** Each step once, where nothing else is asked for. */
const ZOMBIE_ROUNDS = Number(process.env.MILLRACE_ZOMBIE_ROUNDS ?? COMPACTION_STEPS.length)
const MOMENTS = 300
const LEAST_MERGES = 10
const ROUND_MILLIS = 30_000
const PROGRAM = join(import.meta.dirname, '../setup/compactionProcess.ts')
/** What was replaced is removed by the next compaction, although it has just been replaced. */
const SWEEP_AT_ONCE = { keepReplacedMillis: -60_000 }

let world: SinkWorld
let files: BatchFiles
let started: RunningProcess[]
beforeEach(async () => {
  world = await openSinkWorld(inject('cluster').env)
  files = createBatchFiles(world.storage)
  world.start()
  started = []
})
afterEach(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
  await world.close()
})

describe('a compaction killed with -9 while the stream runs', () => {
  test.each(COMPACTION_STEPS)(
    `at "%s", ${CRASH_ROUNDS} times, loses nothing and doubles nothing`,
    async step => {
      for (let round = 0; round < CRASH_ROUNDS; round++) {
        await world.sendRows(45)
        await world.untilStored()
        await world.sendRows(15)
        const dying = compaction({ at: { step, signal: 'SIGKILL' } })
        await dying.ended
        expect(dying.output()).toBe(`at ${step}\n`)
        expect(world.problems(await world.untilStored())).toEqual([])
        await expectEachOnce()
      }
      await compactToOne()
      expect(world.problems(await world.look())).toEqual([])
    },
    60_000 + CRASH_ROUNDS * ROUND_MILLIS,
  )
})

test(
  `a compaction stopped past others that merged and swept, and continued, ${ZOMBIE_ROUNDS} times, does no harm`,
  async () => {
    for (let round = 0; round < ZOMBIE_ROUNDS; round++) {
      const step: CompactionStep = COMPACTION_STEPS[round % COMPACTION_STEPS.length]!
      await world.sendRows(45)
      await world.untilStored()
      const zombie = compaction({ at: { step, signal: 'SIGSTOP' } })
      await zombie.shows(`at ${step}\n`)
      await compactToOne()
      await world.sendRows(25)
      await world.untilStored()
      zombie.child.kill('SIGCONT')
      expect(await zombie.ended, zombie.output()).toBe(0)
      expect(world.problems(await world.look()), `round ${round}, stopped at "${step}"`).toEqual([])
      await expectEachOnce()
    }
  },
  60_000 + ZOMBIE_ROUNDS * ROUND_MILLIS,
)

test(
  `what readers see is whole at each of ${MOMENTS} moments while the stream runs and two processes merge and sweep`,
  async () => {
    const settings = { ...SWEEP_AT_ONCE, minFiles: 3 }
    const merging = [compaction({ how: 'forever', settings }), compaction({ how: 'forever', settings })]
    const merges = () => merging.reduce((count, one) => count + one.stdout().split('merged').length - 1, 0)
    let [sent, rows] = [0, 0]
    for (let moment = 0; moment < MOMENTS || merges() < LEAST_MERGES; moment++) {
      if (sent - rows < 60) {
        await world.sendRows(60)
        sent += 60
      }
      const now = await expectEachOnce()
      expect(now).toBeGreaterThanOrEqual(rows)
      rows = now
    }
    for (const one of merging) {
      expect(one.child.exitCode, one.output()).toBe(null)
      one.child.kill('SIGKILL')
    }
    await Promise.all(merging.map(({ ended }) => ended))
    expect(world.problems(await world.untilStored())).toEqual([])
  },
  60_000 + MOMENTS * 1_000,
)

function compaction(changes: Partial<CompactionPlan>): RunningProcess {
  const plan: CompactionPlan = { storageUrl: world.storage.url, how: 'all', settings: SWEEP_AT_ONCE, ...changes }
  const running = startProcess(process.execPath, [PROGRAM, JSON.stringify(plan)], process.env)
  started.push(running)
  return running
}

async function compactToOne(): Promise<void> {
  const last = compaction({})
  expect(await last.ended, last.output()).toBe(0)
  const [set] = await files.list()
  expect(set!.visible).toHaveLength(1)
  // What holds the newest batch keeps its name taken until the next one is there.
  const newest = set!.visible[0]!.lastBatch
  expect(set!.replaced.filter(({ lastBatch }) => lastBatch !== newest)).toEqual([])
}

/** Reads every row id that a reader sees now, whatever is merged and swept meanwhile, and returns how many there are. */
async function expectEachOnce(): Promise<number> {
  const ids = await files.reading(async partitions => {
    const found: number[] = []
    for (const { status } of wholeOf(partitions)) {
      const file = await openBatchFile(world.storage, status)
      for (const part of file.parts) {
        expect((await file.columns(part)).rows).toBe(part.rows)
        found.push(...(await file.rowIds(part)))
      }
    }
    return found
  })
  expect(ids).toEqual(ids.map((_, index) => index + 1))
  return ids.length
}
