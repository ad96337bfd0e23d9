import { expect, test } from 'vitest'
import { createMachines } from '../../../src/files/track/machines.ts'
import { acknowledgment, machineStatus } from '../records.ts'

const T0 = Date.parse('2026-11-21T10:00:00Z')

test('a receiver counts by its acknowledgments, each block once', () => {
  const machines = createMachines()
  const receiver = machineStatus({ machine: 'machine1', role: 'receiver', blocksProcessed: 1, bytesProcessed: 100 })
  machines.takeStatus({ ...receiver, state: 'starting', blocksProcessed: 0, bytesProcessed: 0 }, T0)
  machines.takeAcknowledgment(acknowledgment(), true, T0 + 500)
  machines.takeAcknowledgment(acknowledgment(), false, T0 + 600)
  machines.takeAcknowledgment(acknowledgment({ outcome: 'failed' }), true, T0 + 700)
  machines.takeAcknowledgment(acknowledgment({ outcome: 'again' }), true, T0 + 800)
  machines.takeStatus(receiver, T0 + 1_000)
  expect(machines.list(T0 + 2_000)).toEqual([
    {
      id: 'machine1',
      role: 'receiver',
      state: 'BUSY',
      lastSeen: new Date(T0 + 1_000),
      alive: true,
      blocksProcessed: 1,
      bytesProcessed: 100,
      failures: 2,
      bytesPerSecond: expect.closeTo(81.9, 0) as number,
      trouble: null,
    },
  ])
})

test('a sender counts from its start, and what it did in an earlier life stays', () => {
  const machines = createMachines()
  const say = (blocksProcessed: number, bytesProcessed: number, failures: number) =>
    machines.takeStatus(machineStatus({ blocksProcessed, bytesProcessed, failures }), T0)
  say(0, 0, 0)
  say(5, 500, 1)
  say(0, 0, 0)
  say(2, 200, 0)
  expect(machines.list(T0)[0]).toMatchObject({ blocksProcessed: 7, bytesProcessed: 700, failures: 1 })
})

test('a machine is alive for 15 seconds after the log took its last record, whatever its own clock says', () => {
  const machines = createMachines()
  machines.takeStatus(machineStatus({ at: '1999-01-01T00:00:00Z', trouble: 'The disk is full.' }), T0)
  expect(machines.list(T0 + 15_000)[0]).toMatchObject({ alive: true, trouble: 'The disk is full.' })
  expect(machines.list(T0 + 15_001)[0]).toMatchObject({ alive: false, bytesPerSecond: null, lastSeen: new Date(T0) })
  machines.takeStatus(machineStatus(), T0 + 20_000)
  expect(machines.list(T0 + 20_000)[0]).toMatchObject({ alive: true, trouble: null })
  machines.takeStatus(machineStatus({ state: 'stopped' }), T0 + 21_000)
  expect(machines.list(T0 + 21_000)[0]).toMatchObject({ alive: false, state: 'STOPPED' })
})

test('a machine that sends and receives is there twice, and who was heard last comes first', () => {
  const machines = createMachines()
  machines.takeStatus(machineStatus({ machine: 'both', role: 'sender' }), T0 + 2)
  machines.takeStatus(machineStatus({ machine: 'both', role: 'receiver' }), T0 + 3)
  machines.takeStatus(machineStatus({ machine: 'other', role: 'receiver' }), T0 + 1)
  expect(machines.list(T0 + 3).map(({ id, role }) => `${id} ${role}`)).toEqual([
    'both receiver',
    'both sender',
    'other receiver',
  ])
})

test('memory is bounded: who is silent for the longest time is forgotten', () => {
  const machines = createMachines()
  for (let number = 0; number < 1_002; number++) {
    machines.takeStatus(machineStatus({ machine: `machine${number}` }), T0 + number)
  }
  const ids = machines.list(T0).map(({ id }) => id)
  expect(ids).toHaveLength(1_000)
  expect(ids.at(-1)).toBe('machine2')
})
