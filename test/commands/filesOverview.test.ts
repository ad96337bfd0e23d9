import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import {
  coloured,
  formatMachines,
  formatOverview,
  formatTransfers,
  harmless,
  plain,
} from '../../src/commands/filesOverview.ts'
import type { FileTransfer, Machine } from '../../src/files/files.ts'
import { type Overview, problemsOf } from '../../src/files/track/overview.ts'
import { MACHINE, TRANSFER } from '../api/memoryFiles.ts'

const NOW = Date.parse('2026-11-21T06:02:00Z')
const look = { paint: plain, rows: 10 }
const transfer = (changes: Partial<FileTransfer>): FileTransfer => ({
  ...TRANSFER,
  failed: 0,
  message: null,
  ...changes,
})
const machine = (changes: Partial<Machine>): Machine => ({
  ...MACHINE,
  state: 'BUSY',
  trouble: null,
  failures: 0,
  ...changes,
})

function overview(transfers: FileTransfer[], machines: Machine[]): Overview {
  const problems = problemsOf(transfers, machines, NOW)
  return { at: new Date(NOW), transfers, machines, problems, unreadable: 0 }
}

const BUSY = overview(
  [
    transfer({
      file: 'done.bin',
      state: 'COMPLETE',
      blocks: 3,
      sent: 3,
      acknowledged: 3,
      bytesPerSecond: 98e6,
      etaSeconds: 0,
    }),
    transfer({ file: 'a.bin', blocks: 8, sent: 5, acknowledged: 3, bytesPerSecond: 123_456_789, etaSeconds: 75 }),
    transfer({
      file: 'b.bin',
      state: 'FAILED',
      blocks: 2,
      sent: 2,
      acknowledged: 1,
      failed: 1,
      message: 'Block 1 on m: no',
      bytesPerSecond: null,
    }),
  ],
  [
    machine({
      id: 'machine2',
      lastSeen: new Date(NOW - 6_000),
      blocksProcessed: 50,
      bytesProcessed: 2 ** 33,
      bytesPerSecond: 61e6,
    }),
    machine({ id: 'machine1', alive: false, lastSeen: new Date(NOW - 23_000), failures: 2 }),
    machine({ id: 'producer1', role: 'sender', state: 'STOPPED', alive: false, bytesPerSecond: null }),
  ],
)

test('the picture has what is under way first, who is silent for how long, and what is wrong', () => {
  expect(formatOverview(BUSY, look)).toBe(
    `06:02:00  1 under way, 1 complete, 1 failed, 1 of 3 machines alive, 123 MB/s
───────────────────────────────────────────────────────────
FILE      ACKNOWLEDGED  SENT  FAILED      SPEED         ETA
───────────────────────────────────────────────────────────
a.bin     ███░░░░░ 3/8     5       0   123 MB/s  1 min 15 s
done.bin  ████████ 3/3     3       0  98.0 MB/s        done
b.bin     ████░░░░ 1/2     2       1                 failed
───────────────────────────────────────────────────────────

─────────────────────────────────────────────────────────────────────────
MACHINE    ROLE      STATE            BLOCKS   BYTES  FAILURES      SPEED
─────────────────────────────────────────────────────────────────────────
machine1   receiver  silent for 23 s      50  8.6 GB         2
machine2   receiver  alive, busy          50  8.6 GB         0  61.0 MB/s
producer1  sender    stopped              50  8.6 GB         0
─────────────────────────────────────────────────────────────────────────
! b.bin failed: Block 1 on m: no
! The receiver machine1 is silent since 2026-11-21T06:01:37.000Z.`,
  )
})

test('colours change nothing but colours', () => {
  const painted = formatOverview(BUSY, { ...look, paint: coloured })
  expect(painted).toContain('\u001b[31msilent for 23 s\u001b[39m')
  expect(stripVTControlCharacters(painted)).toBe(formatOverview(BUSY, look))
})

test('it fits into 80 columns also with long names, and into few lines with many files', () => {
  const many = Array.from({ length: 30 }, (_, index) =>
    transfer({
      file: `a/long/path/with/many/folders/${index}.bin`,
      blocks: 1_024,
      acknowledged: 1_000,
      etaSeconds: 7_300,
    }),
  )
  const shown = formatOverview(overview(many, []), look).split('\n')
  for (const line of shown.slice(1)) expect(line.length).toBeLessThanOrEqual(80)
  expect(shown[4]).toMatch(/^a\/long…/)
  expect(shown).toContain('and 20 more')
  expect(shown).toContain('no machines')
})

test('what ended long ago, and machines that were taken away, are not drawn', () => {
  const old = overview(
    [transfer({ state: 'COMPLETE', updatedAt: new Date(NOW - 700_000) })],
    [machine({ alive: false, lastSeen: new Date(NOW - 4_000_000) })],
  )
  expect(old.problems).toEqual([])
  expect(formatOverview(old, look)).toBe(
    '06:02:00  0 under way, 1 complete, 0 failed, 0 of 1 machines alive\nno files on their way\n\nno machines',
  )
  expect(formatTransfers(old.transfers, look)).toContain('done')
  expect(formatMachines(old.machines, NOW, look)).toContain('silent for 1 h 6 min')
  const late = machine({ lastSeen: new Date(NOW - 9_000) })
  expect(formatMachines([late], NOW, look)).toContain('not heard for 9 s')
})

test('problems are failures, silence and pauses, each with a cause of its own', () => {
  const { transferId } = TRANSFER
  const problems = problemsOf(
    [transfer({ failed: 1, message: 'Block 1 on m: no' })],
    [
      machine({ id: 'a', state: 'PAUSED', trouble: 'The disk is full.' }),
      machine({ id: 'b', alive: false }),
      machine({ id: 'c', alive: false, state: 'STOPPED' }),
      machine({ id: 'd' }),
    ],
    NOW,
  )
  expect(problems).toEqual([
    {
      cause: `failed ${transferId}`,
      kind: 'failure',
      message: 'a folder/ü.bin goes on, but 1 of 8192 blocks failed: Block 1 on m: no',
    },
    { cause: 'paused receiver a', kind: 'failure', message: 'The receiver a has paused: The disk is full.' },
    {
      cause: 'silent receiver b',
      kind: 'silence',
      message: 'The receiver b is silent since 2026-11-21T06:01:00.000Z.',
    },
  ])
})

test('what comes from other machines does nothing to the terminal', () => {
  const evil = `a\u001b[2J\u001b]0;title\u0007\r\nb\u202Ec`
  expect(harmless(evil)).toBe('a\uFFFD\uFFFDb\uFFFDc')
  const shown = formatOverview(
    overview(
      [transfer({ file: evil, state: 'FAILED', message: evil })],
      [machine({ id: evil, state: 'PAUSED', trouble: evil })],
    ),
    look,
  )
  expect(shown).toBe(stripVTControlCharacters(shown))
  for (const character of ['\r', '\u202E', '\u0007']) expect(shown).not.toContain(character)
})
