import { expect, test } from 'vitest'
import type { Clock } from '../../src/datasources/clock.ts'
import { MillraceError } from '../../src/errors.ts'
import { supervise } from '../../src/weather/supervise.ts'

/** Time goes on only where somebody pauses. */
function pausingClock() {
  const pauses: number[] = []
  let now = 0
  const clock: Clock = {
    nowMillis: () => now,
    async pause(millis, signal) {
      signal?.throwIfAborted()
      pauses.push(millis)
      now += millis
    },
    deadline: () => new AbortController().signal,
  }
  return { clock, pauses, pass: (millis: number) => (now += millis) }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))

const unavailable = new MillraceError('UNAVAILABLE', 'No broker answers.', { hint: 'Start one.' })

test('a part that fails runs again, after pauses that double up to a bound', async () => {
  const { clock, pauses } = pausingClock()
  const healthy = Promise.withResolvers<void>()
  let runs = 0
  const part = supervise(
    {
      name: 'The producer',
      async run(signal) {
        runs += 1
        if (runs <= 8) throw unavailable
        healthy.resolve()
        await untilAborted(signal)
      },
    },
    { clock, note: () => {} },
  )
  await healthy.promise
  expect(pauses).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
  await part.stop()
  expect(runs).toBe(9)
})

test('it says what is wrong, until the part has run for a while', async () => {
  const { clock, pass, pauses } = pausingClock()
  const fail: (() => void)[] = []
  const part = supervise(
    { name: 'Partition 2', run: () => new Promise((_, reject) => fail.push(() => reject(unavailable))) },
    { clock, note: () => {} },
  )
  expect(part.trouble()).toBeNull()
  fail.shift()!()
  await expect.poll(() => fail.length).toBe(1)
  expect(part.trouble()).toBe('Partition 2: No broker answers. Start one.')
  pass(2_000)
  expect(part.trouble()).not.toBeNull()
  pass(1_000)
  expect(part.trouble()).toBeNull()
  // A failure after that is a first one again.
  fail.shift()!()
  await expect.poll(() => fail.length).toBe(1)
  expect(pauses).toEqual([200, 200])
})

test('a part whose work somebody else has taken is left alone', async () => {
  const { clock, pauses } = pausingClock()
  const taken = new MillraceError('CONFLICT', 'Another consumer has taken partition 2 over.')
  const run = () => Promise.reject(taken)
  const part = supervise({ name: 'Partition 2', givesWay: true, run }, { clock, note: () => {} })
  await part.ended
  expect(pauses).toEqual([])
  expect(part.trouble()).toBe('Partition 2: Another consumer has taken partition 2 over.')
})

test('what nobody foresaw is noted whole, and told without its detail', async () => {
  const { clock } = pausingClock()
  const noted: object[] = []
  const fault = new TypeError('secret of undefined')
  let runs = 0
  const part = supervise(
    { name: 'The generator', run: signal => (++runs === 1 ? Promise.reject(fault) : untilAborted(signal)) },
    { clock, note: (_, details) => noted.push(details) },
  )
  await expect.poll(() => runs).toBe(2)
  expect(part.trouble()).toMatch(/^The generator: .* did not foresee/)
  expect(noted).toEqual([{ part: 'The generator', err: fault }])
  await part.stop()
})

test('stopping ends a part that waits to be run again', async () => {
  let runs = 0
  const waiting = Promise.withResolvers<void>()
  const clock: Clock = {
    nowMillis: () => 0,
    pause: (_, signal) => {
      waiting.resolve()
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    },
    deadline: () => new AbortController().signal,
  }
  const run = () => {
    runs += 1
    return Promise.reject(unavailable)
  }
  const part = supervise({ name: 'The producer', run }, { clock, note: () => {} })
  await waiting.promise
  await part.stop()
  expect(runs).toBe(1)
})
