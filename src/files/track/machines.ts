import { nextRate, type Rate, startRate } from '../../jobs/estimate.ts'
import type { Machine, MachineState } from '../files.ts'
import type { Acknowledgment } from '../wire/acknowledgment.ts'
import { ALIVE_MILLIS, type MachineRole, type MachineStatus } from '../wire/status.ts'

/** The machines that the records tell of: a fold over them. */
export interface Machines {
  /** What a machine says of itself; `atMillis` is when the log took it. */
  takeStatus(status: MachineStatus, atMillis: number): void
  /** `isNews`: whether the block was not processed before. */
  takeAcknowledgment(acknowledgment: Acknowledgment, isNews: boolean, atMillis: number): void
  /** As of `nowMillis`; those heard of last come first. */
  list(nowMillis: number): Machine[]
  clear(): void
}

/** Beyond so many, the one that is silent for the longest time is forgotten. */
const MOST_MACHINES = 1_000

interface Counts {
  blocks: number
  bytes: number
  failures: number
}

interface Tracked {
  id: string
  role: MachineRole
  state: MachineState
  seenMillis: number
  trouble: string | null
  /** Of a sender: those of its earlier lives, and of this one. */
  before: Counts
  counts: Counts
  rate: Rate
}

const STATES = {
  starting: 'STARTING',
  busy: 'BUSY',
  idle: 'IDLE',
  paused: 'PAUSED',
  stopped: 'STOPPED',
} as const satisfies Record<MachineStatus['state'], MachineState>

export function createMachines(): Machines {
  const machines = new Map<string, Tracked>()

  function tracked(id: string, role: MachineRole, atMillis: number): Tracked {
    const key = `${role} ${id}`
    const machine = machines.get(key) ?? startMachine(id, role, atMillis)
    machine.seenMillis = Math.max(machine.seenMillis, atMillis)
    // In the order in which they were heard.
    machines.delete(key)
    machines.set(key, machine)
    if (machines.size > MOST_MACHINES) for (const [oldest] of [...machines].slice(0, 1)) machines.delete(oldest)
    return machine
  }

  return {
    takeStatus(status, atMillis) {
      const machine = tracked(status.machine, status.role, atMillis)
      machine.state = STATES[status.state]
      machine.trouble = status.trouble ?? null
      machine.rate = nextRate(machine.rate, status.bytesProcessed, atMillis)
      // A receiver's are in its acknowledgments, which a kill does not lose.
      if (status.role === 'sender') takeCounts(machine, status)
    },
    takeAcknowledgment({ machine: id, outcome, bytes }, isNews, atMillis) {
      const { counts } = tracked(id, 'receiver', atMillis)
      if (outcome !== 'processed') counts.failures += 1
      else if (isNews) {
        counts.blocks += 1
        counts.bytes += bytes
      }
    },
    list: nowMillis =>
      [...machines.values()]
        .map(machine => viewOf(machine, nowMillis))
        .sort((one, other) => other.lastSeen.getTime() - one.lastSeen.getTime()),
    clear: () => machines.clear(),
  }
}

function startMachine(id: string, role: MachineRole, atMillis: number): Tracked {
  return {
    id,
    role,
    // Who acknowledges is at work.
    state: 'BUSY',
    seenMillis: atMillis,
    trouble: null,
    before: { blocks: 0, bytes: 0, failures: 0 },
    counts: { blocks: 0, bytes: 0, failures: 0 },
    rate: startRate(0, atMillis),
  }
}

/** A machine counts from its start: smaller counts are those of a new life. */
function takeCounts(machine: Tracked, { blocksProcessed, bytesProcessed, failures }: MachineStatus): void {
  const { before, counts } = machine
  if (blocksProcessed < counts.blocks || bytesProcessed < counts.bytes || failures < counts.failures) {
    before.blocks += counts.blocks
    before.bytes += counts.bytes
    before.failures += counts.failures
  }
  machine.counts = { blocks: blocksProcessed, bytes: bytesProcessed, failures }
}

function viewOf({ id, role, state, seenMillis, trouble, before, counts, rate }: Tracked, nowMillis: number): Machine {
  const alive = state !== 'STOPPED' && nowMillis - seenMillis <= ALIVE_MILLIS
  return {
    id,
    role,
    state,
    lastSeen: new Date(seenMillis),
    alive,
    blocksProcessed: before.blocks + counts.blocks,
    bytesProcessed: before.bytes + counts.bytes,
    failures: before.failures + counts.failures,
    bytesPerSecond: alive ? nextRate(rate, rate.done, nowMillis).perSecond : null,
    trouble,
  }
}
