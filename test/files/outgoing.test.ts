import { expect, test } from 'vitest'
import { MillraceError } from '../../src/errors.ts'
import { createOutgoing } from '../../src/files/send/outgoing.ts'
import type { Acknowledgment, Outcome } from '../../src/files/wire/acknowledgment.ts'

const found = {
  name: 'data',
  place: '/data',
  identity: { bytes: 250, modifiedNanos: 1n, device: 1n, inode: 1n },
}

const open = () => createOutgoing(found, { blockBytes: 100, runId: 'run', mostResends: 3 })

/** What a receiver says of a block. */
function said(block: number, outcome: Outcome, sendId: string, changes: Partial<Acknowledgment> = {}): Acknowledgment {
  const { transferId, file, totalBlocks } = open().transfer
  const [machine, at] = ['machine1', '2026-11-21T10:00:00Z']
  return {
    version: 1,
    transferId,
    file,
    block,
    totalBlocks,
    bytes: 100,
    sha256: null,
    machine,
    outcome,
    sendId,
    attempts: 1,
    at,
    ...changes,
  }
}

test('blocks are to be sent until they are begun, and counted when the log has them', () => {
  const one = open()
  expect([0, 1, 2].map(block => one.isToSend(block))).toEqual([true, true, true])
  expect(one.begin(2)).toBe('run-1')
  expect(one.isToSend(2)).toBe(false)
  one.noteBytes(30)
  expect(one.counts()).toMatchObject({ sends: 0, sentBlocks: 0, sentBytes: 30 })
  one.noteSent(2)
  expect(one.counts()).toMatchObject({ sends: 1, sentBlocks: 1, sentBytes: 50 })
})

test('one that an earlier run has sent and a receiver processed is not sent', () => {
  const one = open()
  expect(one.take(said(1, 'processed', 'earlier-1'))).toBe(false)
  expect(one.isToSend(1)).toBe(false)
  expect(one.counts()).toMatchObject({ sends: 0, sentBlocks: 1, sentBytes: 100, acknowledgedBlocks: 1 })
})

test('an answer to an earlier attempt asks for nothing, but what is processed is processed', () => {
  const one = open()
  one.begin(0)
  one.noteSent(0)
  expect(one.take(said(0, 'again', 'earlier-1'))).toBe(false)
  expect(one.take(said(0, 'failed', 'earlier-1'))).toBe(false)
  expect(one.counts().failedBlocks).toBe(0)
  expect(one.take(said(0, 'again', 'run-1'))).toBe(true)
  expect(one.begin(0)).toBe('run-2')
  expect(one.take(said(0, 'again', 'run-1'))).toBe(false)
  one.take(said(0, 'processed', 'run-1'))
  expect(one.take(said(0, 'again', 'run-2'))).toBe(false)
  expect(one.counts()).toMatchObject({ acknowledgedBlocks: 1, failedBlocks: 0 })
})

test('a receiver may be faster than the answer of the log', () => {
  const one = open()
  one.begin(0)
  expect(one.take(said(0, 'again', 'run-1'))).toBe(true)
  one.noteSent(0)
  expect(one.isToSend(0)).toBe(true)
})

test('a block is sent four times at most', () => {
  const one = open()
  const asked = [1, 2, 3, 4].map(attempt => {
    one.begin(0)
    one.noteSent(0)
    return one.take(said(0, 'again', `run-${attempt}`, { reason: 'its digest is wrong' }))
  })
  expect(asked).toEqual([true, true, true, false])
  expect(one.counts()).toMatchObject({ sends: 4, sentBlocks: 1, failedBlocks: 1 })
  expect(one.status()).toMatchObject({ state: 'sending', message: 'block 0 on machine1: its digest is wrong' })
})

test('what is said of another cut of the file is not about this one', () => {
  const one = open()
  one.take(said(1, 'processed', 'x-1', { totalBlocks: 4 }))
  one.take(said(3, 'processed', 'x-1'))
  expect(one.counts().acknowledgedBlocks).toBe(0)
})

test('is settled when each block is processed or failed, or the file is', () => {
  const one = open()
  for (const block of [0, 1, 2]) {
    one.begin(block)
    one.noteSent(block)
  }
  expect([one.isSettled(), one.status().state]).toEqual([false, 'waiting'])
  one.take(said(0, 'processed', 'run-1'))
  one.take(said(1, 'failed', 'run-1'))
  expect(one.isSettled()).toBe(false)
  one.take(said(2, 'processed', 'run-1'))
  expect([one.isSettled(), one.status().state]).toEqual([true, 'failed'])
  // Another receiver of the group has had more luck.
  one.take(said(1, 'processed', 'run-1'))
  expect([one.isSettled(), one.status().state, one.status().message]).toEqual([true, 'complete', undefined])

  const other = open()
  other.fail(new MillraceError('CONFLICT', 'it changed'))
  expect([other.isSettled(), other.status()]).toMatchObject([true, { state: 'failed', message: 'it changed' }])
})
