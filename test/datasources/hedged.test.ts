import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type HedgeDelay, hedged } from '../../src/datasources/hedged.ts'

/** Attempts as the test settles them, in the order of their start. */
let attempts: (PromiseWithResolvers<string> & { signal: AbortSignal })[]
const attempt = (signal: AbortSignal) => {
  const made = { ...Promise.withResolvers<string>(), signal }
  attempts.push(made)
  return made.promise
}
const options = { attempts: 3, delayMillis: 100 }

beforeEach(() => {
  attempts = []
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('what answers in time is asked once', async () => {
  const result = hedged(attempt, options)
  await vi.advanceTimersByTimeAsync(99)
  attempts[0]!.resolve('first')
  expect(await result).toBe('first')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(attempts).toHaveLength(1)
})

test('what is silent is asked again, three times in all; the first answer counts and ends the others', async () => {
  const discarded: string[] = []
  const result = hedged(attempt, { ...options, discard: late => discarded.push(late) })
  await vi.advanceTimersByTimeAsync(1_000)
  expect(attempts).toHaveLength(3)
  attempts[1]!.resolve('second')
  expect(await result).toBe('second')
  expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, false, true])
  attempts[2]!.resolve('too late')
  await vi.advanceTimersByTimeAsync(0)
  expect(discarded).toEqual(['too late'])
})

test('a failure waits for the attempts under way, and starts no further one', async () => {
  const result = hedged(attempt, options)
  await vi.advanceTimersByTimeAsync(150)
  attempts[0]!.reject(new Error('broke off'))
  attempts[1]!.resolve('second')
  expect(await result).toBe('second')

  attempts = []
  const failing = hedged(attempt, options)
  attempts[0]!.reject(new Error('refused'))
  await expect(failing).rejects.toThrow('refused')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(attempts).toHaveLength(1)
})

test('the next attempt waits while something comes, and while nothing is waited for', async () => {
  const delays: HedgeDelay[] = []
  const result = hedged((signal, delay) => {
    delays.push(delay)
    return attempt(signal)
  }, options)
  await vi.advanceTimersByTimeAsync(90)
  delays[0]!.restart()
  await vi.advanceTimersByTimeAsync(90)
  delays[0]!.hold()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(attempts).toHaveLength(1)
  delays[0]!.restart()
  await vi.advanceTimersByTimeAsync(99)
  expect(attempts).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(attempts).toHaveLength(2)
  attempts[1]!.resolve('second')
  expect(await result).toBe('second')
  delays[0]!.restart()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(attempts).toHaveLength(2)
})
