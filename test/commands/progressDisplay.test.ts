import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createProgressDisplay, describe as describeProgress } from '../../src/commands/progressDisplay.ts'
import type { Progress } from '../../src/jobs/job.ts'

const at = (done: number, changes: Partial<Progress> = {}): Progress => ({
  done,
  total: 426_716,
  unit: 'rows',
  bytes: 0,
  etaSeconds: null,
  ...changes,
})

describe('a line of progress', () => {
  it('has rows, bytes, rate and time left', () => {
    expect(describeProgress(at(204_716, { bytes: 7_230_000, etaSeconds: 4 }), null)).toBe(
      '204,716/426,716 rows  7.2 MB  55,500/s  4 s left',
    )
  })

  it('has bytes as people say them, where it counts bytes', () => {
    const sent = { unit: 'bytes', total: 2_147_483_648, bytes: 1_200_000_000, etaSeconds: 6 }
    expect(describeProgress(at(1_200_000_000, sent), null)).toBe('1.2 GB/2.1 GB  158 MB/s  6 s left')
  })

  it('says what is known while the total is not', () => {
    expect(describeProgress(at(5_000, { total: null, bytes: 900 }), null)).toBe('5,000 rows  900 B')
  })

  it('says what the work says before it counts', () => {
    expect(describeProgress(at(0, { unit: '', total: null }), null)).toBe('starting')
    expect(describeProgress(at(0, { unit: '', total: null }), 'Waiting for MySQL.')).toBe('Waiting for MySQL.')
    expect(describeProgress(at(0), 'Waiting for MySQL.')).toBe('Waiting for MySQL.')
  })
})

describe('on a pipe or file', () => {
  it('a plain line comes every three seconds, and the last one at the end', () => {
    let now = 0
    let written = ''
    const display = createProgressDisplay('DbToHdfs', { write: text => (written += text) }, () => now)
    for (; now <= 10_000; now += 100) display.update(at(now), null)
    display.stop()
    expect(written).toBe(
      [
        'DbToHdfs: 0/426,716 rows',
        'DbToHdfs: 3,000/426,716 rows',
        'DbToHdfs: 6,000/426,716 rows',
        'DbToHdfs: 9,000/426,716 rows',
        'DbToHdfs: 10,000/426,716 rows',
        '',
      ].join('\n'),
    )
  })
})

describe('on a terminal', () => {
  const toFirstColumn = '\u001b[1G'
  afterEach(() => void vi.useRealTimers())

  it('a bar of one line is drawn over and over, never wider than the terminal', () => {
    vi.useFakeTimers()
    let written = ''
    const terminal = { isTTY: true, columns: 60, write: (text: string) => (written += text) }
    const display = createProgressDisplay('DbToHdfs', terminal)
    for (let done = 0; done <= 426_716; done += 53_339.5) {
      display.update(at(done, { bytes: done * 50, etaSeconds: 5 }), null)
      vi.advanceTimersByTime(200)
    }
    display.stop('Done.')
    const lines = written.split(toFirstColumn).flatMap(text => stripVTControlCharacters(text).trimEnd().split('\n'))
    expect(lines).toContain('DbToHdfs ████████░░░░░░░░  50%  213,358/426,716 rows  10.7')
    expect(lines.at(-2)).toContain('████████████████ 100%')
    expect(lines.at(-1)).toBe('Done.')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60)
  })
})
