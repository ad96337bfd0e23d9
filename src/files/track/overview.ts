import type { FileTransfer, Machine } from '../files.ts'
import type { Tracker } from './tracker.ts'

/** All that a person who watches wants to see at once. */
export interface Overview {
  at: Date
  /** Those that changed last come first. */
  transfers: FileTransfer[]
  machines: Machine[]
  problems: Problem[]
  /** Records of later versions, or damaged ones, that were left aside. */
  unreadable: number
}

/** What somebody should look after. */
export interface Problem {
  /** The same as long as it is the same problem. */
  cause: string
  kind: 'failure' | 'silence' | 'log'
  /** One sentence. */
  message: string
}

/** Of the past, for programs that look at all of it. */
const MOST_TRANSFERS = 1_000
/** Who is silent for longer was taken away, and is nobody's worry. */
const WORRY_MILLIS = 3_600_000

/** As of the tracker's last refresh. */
export function overviewOf(tracker: Tracker, nowMillis: number): Overview {
  const transfers = tracker.transfers({ first: MOST_TRANSFERS })
  const machines = tracker.machines()
  return {
    at: new Date(nowMillis),
    transfers,
    machines,
    problems: problemsOf(transfers, machines, nowMillis),
    unreadable: tracker.unreadable(),
  }
}

/** Failed transfers and blocks, machines that went silent, and those that had to pause. */
export function problemsOf(
  transfers: readonly FileTransfer[],
  machines: readonly Machine[],
  nowMillis: number,
): Problem[] {
  return [
    ...transfers.flatMap(transfer => failureOf(transfer) ?? []),
    ...machines.flatMap(machine => silenceOf(machine, nowMillis) ?? pauseOf(machine) ?? []),
  ]
}

function failureOf({ transferId, file, state, failed, blocks, message }: FileTransfer): Problem | undefined {
  if (state !== 'FAILED' && failed === 0) return undefined
  const what = state === 'FAILED' ? 'failed' : `goes on, but ${failed} of ${blocks} blocks failed`
  return {
    cause: `failed ${transferId}`,
    kind: 'failure',
    message: `${file} ${what}${message === null ? '.' : `: ${message}`}`,
  }
}

function silenceOf({ id, role, state, alive, lastSeen }: Machine, nowMillis: number): Problem | undefined {
  const silentMillis = nowMillis - lastSeen.getTime()
  if (alive || state === 'STOPPED' || silentMillis > WORRY_MILLIS) return undefined
  return {
    cause: `silent ${role} ${id}`,
    kind: 'silence',
    message: `The ${role} ${id} is silent since ${lastSeen.toISOString()}.`,
  }
}

function pauseOf({ id, role, state, trouble }: Machine): Problem | undefined {
  if (state !== 'PAUSED') return undefined
  return {
    cause: `paused ${role} ${id}`,
    kind: 'failure',
    message: `The ${role} ${id} has paused: ${trouble ?? 'it does not say why'}`,
  }
}
