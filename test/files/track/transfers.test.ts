import { expect, test } from 'vitest'
import { createTransfers } from '../../../src/files/track/transfers.ts'
import { acknowledgment, TRANSFER_ID, transferStatus } from '../records.ts'

const T0 = Date.parse('2026-11-21T10:00:00Z')
const OTHER_ID = 'f'.repeat(32)

test('a transfer from its first word to its last', () => {
  const transfers = createTransfers()
  const now = () => transfers.find('a.bin', T0 + 5_000)
  expect(now()).toBeUndefined()
  transfers.takeStatus(transferStatus(), T0)
  expect(now()).toEqual({
    transferId: TRANSFER_ID,
    file: 'a.bin',
    bytes: 250,
    blocks: 3,
    sent: 0,
    acknowledged: 0,
    failed: 0,
    askedAgain: 0,
    sentBytes: 0,
    acknowledgedBytes: 0,
    bytesPerSecond: 0,
    etaSeconds: null,
    state: 'SENDING',
    message: null,
    sha256: null,
    machines: [],
    startedAt: new Date(T0),
    updatedAt: new Date(T0),
  })
  transfers.takeStatus(transferStatus({ sentBlocks: 2, sentBytes: 200 }), T0 + 1_000)
  transfers.takeAcknowledgment(acknowledgment({ block: 1, machine: 'machine2' }), T0 + 1_500)
  expect(now()).toMatchObject({ state: 'SENDING', sent: 2, acknowledged: 1, acknowledgedBytes: 100, sentBytes: 200 })
  const sha256 = 'cd'.repeat(32)
  transfers.takeStatus(
    transferStatus({ sentBlocks: 3, sentBytes: 250, state: 'waiting', fileSha256: sha256 }),
    T0 + 2_000,
  )
  transfers.takeAcknowledgment(acknowledgment({ block: 0 }), T0 + 2_500)
  expect(now()).toMatchObject({
    state: 'WAITING',
    sent: 3,
    acknowledged: 2,
    machines: ['machine1', 'machine2'],
    sha256,
  })
  transfers.takeAcknowledgment(acknowledgment({ block: 2, bytes: 50 }), T0 + 4_000)
  expect(now()).toMatchObject({
    state: 'COMPLETE',
    acknowledged: 3,
    acknowledgedBytes: 250,
    bytesPerSecond: 62.5,
    etaSeconds: 0,
    updatedAt: new Date(T0 + 4_000),
  })
  // What the sender says about it afterwards does not make it slower.
  transfers.takeStatus(transferStatus({ sentBlocks: 3, sentBytes: 250, state: 'complete' }), T0 + 5_000)
  expect(now()).toMatchObject({ state: 'COMPLETE', bytesPerSecond: 62.5 })
})

test('a block that is acknowledged twice counts once, also when the transfer is complete', () => {
  const transfers = createTransfers()
  expect(transfers.takeAcknowledgment(acknowledgment({ block: 0 }), T0)).toBe(true)
  expect(transfers.takeAcknowledgment(acknowledgment({ block: 0, machine: 'machine2' }), T0)).toBe(false)
  for (const block of [1, 2]) transfers.takeAcknowledgment(acknowledgment({ block }), T0)
  expect(transfers.takeAcknowledgment(acknowledgment({ block: 2 }), T0)).toBe(false)
  expect(transfers.takeAcknowledgment(acknowledgment({ block: 2, outcome: 'failed' }), T0)).toBe(false)
  expect(transfers.find('a.bin', T0)).toMatchObject({ state: 'COMPLETE', acknowledged: 3, failed: 0, bytes: 300 })
})

test('the order in which the two topics are read does not matter', () => {
  const statuses = [
    transferStatus({ sentBlocks: 1, sentBytes: 100 }),
    transferStatus({ sentBlocks: 3, sentBytes: 250, state: 'waiting' }),
  ]
  const acknowledgments = [0, 1, 2].map(block => acknowledgment({ block, bytes: block === 2 ? 50 : 100 }))
  const one = createTransfers()
  for (const status of statuses) one.takeStatus(status, T0)
  for (const each of acknowledgments) one.takeAcknowledgment(each, T0 + 1_000)
  const other = createTransfers()
  for (const each of acknowledgments) other.takeAcknowledgment(each, T0 + 1_000)
  for (const status of statuses) other.takeStatus(status, T0)
  expect(one.find('a.bin', T0 + 1_000)).toEqual(other.find('a.bin', T0 + 1_000))
})

test('a block that failed counts as failed until it is processed, and the transfer with it', () => {
  const transfers = createTransfers()
  transfers.takeStatus(transferStatus({ sentBlocks: 3, sentBytes: 250, state: 'waiting' }), T0)
  transfers.takeAcknowledgment(acknowledgment({ block: 0, outcome: 'again', reason: 'the digest is wrong' }), T0)
  expect(transfers.find('a.bin', T0)).toMatchObject({
    state: 'WAITING',
    askedAgain: 1,
    failed: 0,
    message: 'Block 0 on machine1: the digest is wrong',
    machines: [],
  })
  transfers.takeAcknowledgment(acknowledgment({ block: 0, outcome: 'failed', reason: 'no such table' }), T0)
  for (const block of [1, 2]) transfers.takeAcknowledgment(acknowledgment({ block }), T0)
  expect(transfers.find('a.bin', T0)).toMatchObject({
    state: 'FAILED',
    acknowledged: 2,
    failed: 1,
    message: 'Block 0 on machine1: no such table',
    etaSeconds: null,
  })
  // A later run of the sender.
  transfers.takeStatus(transferStatus({ sentBlocks: 2, sentBytes: 150 }), T0 + 60_000)
  expect(transfers.find('a.bin', T0 + 60_000)).toMatchObject({ state: 'SENDING', failed: 1 })
  transfers.takeStatus(transferStatus({ sentBlocks: 3, sentBytes: 250, state: 'waiting' }), T0 + 60_500)
  expect(transfers.find('a.bin', T0 + 60_500)).toMatchObject({ state: 'WAITING', failed: 1 })
  transfers.takeAcknowledgment(acknowledgment({ block: 0 }), T0 + 61_000)
  expect(transfers.find('a.bin', T0 + 61_000)).toMatchObject({ state: 'COMPLETE', failed: 0, message: null })
})

test('a file that its sender gave up has failed, with what it said', () => {
  const transfers = createTransfers()
  transfers.takeStatus(transferStatus({ sentBlocks: 1, sentBytes: 100, state: 'failed', message: 'It changed.' }), T0)
  expect(transfers.find('a.bin', T0)).toMatchObject({ state: 'FAILED', message: 'It changed.' })
})

test('a file that has changed is another transfer, and the newest answers for the name', () => {
  const transfers = createTransfers()
  transfers.takeStatus(transferStatus({ state: 'complete' }), T0)
  transfers.takeStatus(transferStatus({ transferId: OTHER_ID, bytes: 9 }), T0 + 1_000)
  // A late word about the old one.
  transfers.takeAcknowledgment(acknowledgment(), T0 + 2_000)
  expect(transfers.find('a.bin', T0)).toMatchObject({ transferId: OTHER_ID, bytes: 9 })
  const all = transfers.list({ first: 10 }, T0)
  expect(all.map(({ transferId }) => transferId)).toEqual([TRANSFER_ID, OTHER_ID])
  expect(transfers.list({ first: 1 }, T0)).toHaveLength(1)
  expect(transfers.list({ first: 10, state: 'SENDING' }, T0).map(({ transferId }) => transferId)).toEqual([OTHER_ID])
})

test('a speed fades while nothing comes, and a run that begins with what is sent already is not fast', () => {
  const transfers = createTransfers()
  for (let second = 0; second <= 10; second++) {
    const sentBytes = second * 1_000_000
    transfers.takeStatus(transferStatus({ bytes: 50_000_000, totalBlocks: 50, sentBytes }), T0 + second * 1_000)
  }
  const speedAt = (second: number) => transfers.find('a.bin', T0 + second * 1_000)!.bytesPerSecond!
  expect(speedAt(10)).toBeCloseTo(1_000_000)
  expect(transfers.find('a.bin', T0 + 10_000)!.etaSeconds).toBeCloseTo(50)
  expect(speedAt(30)).toBeLessThan(30_000)
  transfers.takeStatus(transferStatus({ bytes: 50_000_000, totalBlocks: 50, sentBytes: 40_000_000 }), T0 + 60_000)
  expect(transfers.find('a.bin', T0 + 60_000)!.bytesPerSecond).toBeNull()
})

test('those who watch see what has changed since they looked', () => {
  const transfers = createTransfers()
  transfers.takeStatus(transferStatus(), T0)
  transfers.takeStatus(transferStatus({ transferId: OTHER_ID, file: 'b.bin' }), T0)
  const version = transfers.version
  expect(transfers.since({ version, file: undefined }, T0)).toEqual([])
  transfers.takeAcknowledgment(acknowledgment(), T0)
  expect(transfers.since({ version, file: undefined }, T0).map(({ file }) => file)).toEqual(['a.bin'])
  expect(transfers.since({ version, file: 'b.bin' }, T0)).toEqual([])
  expect(transfers.since({ version: 0, file: 'b.bin' }, T0)).toHaveLength(1)
})

test('memory is bounded: what changed longest ago is forgotten', () => {
  const transfers = createTransfers({ transfers: 3, blocks: 100 })
  const idOf = (number: number) => String(number).padStart(32, '0')
  for (let number = 0; number < 5; number++) {
    transfers.takeStatus(transferStatus({ transferId: idOf(number), file: `${number}.bin` }), T0)
  }
  expect(transfers.list({ first: 10 }, T0).map(({ file }) => file)).toEqual(['4.bin', '3.bin', '2.bin'])
  expect(transfers.find('0.bin', T0)).toBeUndefined()
  for (let block = 0; block < 101; block++) {
    transfers.takeAcknowledgment(
      acknowledgment({ transferId: idOf(block % 2), file: `${block % 2}.bin`, block, totalBlocks: 1_000 }),
      T0,
    )
  }
  expect(transfers.list({ first: 10 }, T0).map(({ file }) => file)).toEqual(['0.bin', '4.bin'])
  // The numbers of a complete transfer's blocks are given back.
  const many = createTransfers({ transfers: 100, blocks: 100 })
  for (let number = 0; number < 50; number++) {
    for (let block = 0; block < 3; block++) {
      many.takeAcknowledgment(acknowledgment({ transferId: idOf(number), file: `${number}.bin`, block }), T0)
    }
  }
  expect(many.list({ first: 100 }, T0)).toHaveLength(50)
})

test('a block beyond the last one counts for nothing', () => {
  const transfers = createTransfers()
  expect(transfers.takeAcknowledgment(acknowledgment({ block: 3 }), T0)).toBe(false)
  expect(transfers.find('a.bin', T0)).toBeUndefined()
  transfers.takeAcknowledgment(acknowledgment({ block: 2 }), T0)
  expect(transfers.takeAcknowledgment(acknowledgment({ block: 3, totalBlocks: 4 }), T0)).toBe(false)
})
