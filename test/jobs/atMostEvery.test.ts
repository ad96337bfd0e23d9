import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { atMostEvery } from '../../src/jobs/atMostEvery.ts'

describe('an action at most every half second', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('runs at the first request and once more after the last', () => {
    const action = vi.fn()
    const paced = atMostEvery(500, action)
    for (let request = 0; request < 1_000; request++) paced.request()
    expect(action).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(500)
    expect(action).toHaveBeenCalledTimes(2)
    vi.advanceTimersByTime(5_000)
    expect(action).toHaveBeenCalledTimes(2)
  })

  it('runs twice a second under steady requests', () => {
    const action = vi.fn()
    const paced = atMostEvery(500, action)
    for (let millis = 0; millis < 10_000; millis += 10) {
      paced.request()
      vi.advanceTimersByTime(10)
    }
    expect(action.mock.calls.length).toBeLessThanOrEqual(21)
    expect(action.mock.calls.length).toBeGreaterThanOrEqual(20)
  })

  it('forgets what is due when cancelled', () => {
    const action = vi.fn()
    const paced = atMostEvery(500, action)
    paced.request()
    paced.request()
    paced.cancel()
    vi.advanceTimersByTime(1_000)
    expect(action).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})
