import { describe, expect, it } from 'vitest'
import { etaSeconds, nextRate, startRate } from '../../src/jobs/estimate.ts'

describe('the estimate of how long a job still takes', () => {
  it('is not known after one sample', () => {
    expect(etaSeconds(startRate(0, 0), 0, 100)).toBeNull()
  })

  it('is not known while the total is not', () => {
    expect(etaSeconds(nextRate(startRate(0, 0), 50, 1_000), 50, null)).toBeNull()
  })

  it('is what is left divided by a steady rate', () => {
    let rate = startRate(0, 0)
    for (let second = 1; second <= 10; second++) rate = nextRate(rate, second * 100, second * 1_000)
    expect(rate.perSecond).toBeCloseTo(100)
    expect(etaSeconds(rate, 1_000, 4_000)).toBeCloseTo(30)
  })

  it('follows a change of speed within some seconds, without jumping to it', () => {
    const before = nextRate(startRate(0, 0), 1_000, 1_000)
    const soon = nextRate(before, 1_000, 2_000)
    expect(soon.perSecond).toBeGreaterThan(500)
    expect(soon.perSecond).toBeLessThan(1_000)
    const later = nextRate(soon, 1_000, 22_000)
    expect(later.perSecond).toBeLessThan(50)
  })

  it('does not take two reports of the same moment for speed', () => {
    const rate = nextRate(startRate(0, 0), 1_000, 1_000)
    expect(nextRate(rate, 9_000, 1_050)).toBe(rate)
  })

  it('is not known in a complete stall, and zero at the end', () => {
    const stalled = nextRate(startRate(0, 0), 0, 1_000)
    expect(etaSeconds(stalled, 0, 100)).toBeNull()
    expect(etaSeconds(stalled, 100, 100)).toBe(0)
    expect(etaSeconds(stalled, 120, 100)).toBe(0)
  })

  it('starts anew for a count that goes backwards', () => {
    const rate = nextRate(startRate(0, 0), 1_000, 1_000)
    expect(nextRate(rate, 10, 2_000)).toEqual(startRate(10, 2_000))
  })
})
