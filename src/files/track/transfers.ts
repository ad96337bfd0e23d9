import { etaSeconds, nextRate, type Rate, startRate } from '../../jobs/estimate.ts'
import type { FileTransfer, TransferState } from '../files.ts'
import type { Acknowledgment } from '../wire/acknowledgment.ts'
import type { TransferPhase, TransferStatus } from '../wire/status.ts'

/** All transfers that the records tell of, as far as they are kept: a fold over records in whatever order the topics give them. */
export interface Transfers {
  /** What a sender says of one transfer; `atMillis` is when the log took it. */
  takeStatus(status: TransferStatus, atMillis: number): void
  /** What a receiver says of one block. Returns whether it is news: false for a block that was processed before. */
  takeAcknowledgment(acknowledgment: Acknowledgment, atMillis: number): boolean
  /** As of `nowMillis`, those that changed last come first. */
  list(question: { first: number; state?: TransferState | undefined }, nowMillis: number): FileTransfer[]
  /** The newest of this file. */
  find(file: string, nowMillis: number): FileTransfer | undefined
  /** Goes up with each change. */
  readonly version: number
  /** Those that changed after `version`, in the order of their last changes; with a file, its newest where that has. */
  since(since: { version: number; file: string | undefined }, nowMillis: number): FileTransfer[]
  clear(): void
}

export interface TransfersBounds {
  /** Beyond so many, those that changed longest ago are forgotten, */
  transfers: number
  /** and beyond so many numbers of blocks in those that are not complete. */
  blocks: number
}

const DEFAULT_BOUNDS: TransfersBounds = { transfers: 10_000, blocks: 2_000_000 }
const MOST_MACHINES = 100
/** Sent bytes jump when a sender begins again with what an earlier run has sent: no speed. */
const NEW_RUN_MILLIS = 10_000

interface Tracked {
  readonly transferId: string
  readonly file: string
  /** Null until its sender was heard. */
  fileBytes: number | null
  readonly blocks: number
  sentBlocks: number
  sentBytes: number
  /** Blocks by number; given back once all have been processed. */
  processed: Set<number>
  failed: Set<number>
  /** Whether all blocks have been processed. */
  settled: boolean
  askedAgain: number
  acknowledgedBytes: number
  /** What its sender said last, and when. */
  phase: TransferPhase | null
  phaseMillis: number
  /** When a block failed last. */
  failedMillis: number
  message: string | null
  sha256: string | null
  machines: Set<string>
  sendRate: Rate
  acknowledgeRate: Rate
  startedMillis: number
  updatedMillis: number
  /** When it became complete. */
  endedMillis: number | null
  version: number
}

export function createTransfers(bounds: TransfersBounds = DEFAULT_BOUNDS): Transfers {
  /** In the order of their last changes. */
  const transfers = new Map<string, Tracked>()
  /** Newest by name: a changed file is another transfer. */
  const newest = new Map<string, Tracked>()
  let openBlocks = 0
  let version = 0

  function tracked(of: { transferId: string; file: string; totalBlocks: number }, atMillis: number): Tracked {
    const known = transfers.get(of.transferId)
    if (known) return known
    const made = startTransfer(of, atMillis)
    const other = newest.get(of.file)
    if (!other || other.startedMillis <= atMillis) newest.set(of.file, made)
    return made
  }

  function changed(transfer: Tracked, atMillis: number): void {
    transfer.startedMillis = Math.min(transfer.startedMillis, atMillis)
    transfer.updatedMillis = Math.max(transfer.updatedMillis, atMillis)
    transfer.version = version += 1
    transfers.delete(transfer.transferId)
    transfers.set(transfer.transferId, transfer)
    for (const oldest of transfers.values()) {
      if (oldest === transfer || !isTooMuch()) return
      if (transfers.size > bounds.transfers || oldest.processed.size + oldest.failed.size > 0) forget(oldest)
    }
  }

  function isTooMuch(): boolean {
    return transfers.size > bounds.transfers || openBlocks > bounds.blocks
  }

  function forget(transfer: Tracked): void {
    openBlocks -= transfer.processed.size + transfer.failed.size
    transfers.delete(transfer.transferId)
    if (newest.get(transfer.file) === transfer) newest.delete(transfer.file)
  }

  /** The numbers of its blocks are needed no more. */
  function settle(transfer: Tracked): void {
    openBlocks -= transfer.processed.size
    transfer.processed = new Set()
    transfer.settled = true
  }

  function takeStatus(status: TransferStatus, atMillis: number): void {
    const transfer = tracked(status, atMillis)
    if (atMillis - transfer.sendRate.atMillis > NEW_RUN_MILLIS)
      transfer.sendRate = startRate(status.sentBytes, atMillis)
    transfer.sendRate = nextRate(transfer.sendRate, status.sentBytes, atMillis)
    transfer.fileBytes = status.bytes
    transfer.sentBlocks = status.sentBlocks
    transfer.sentBytes = status.sentBytes
    transfer.phase = status.state
    transfer.phaseMillis = atMillis
    transfer.sha256 = status.fileSha256 ?? transfer.sha256
    transfer.message = status.message ?? transfer.message
    if (status.state === 'complete') transfer.endedMillis ??= atMillis
    changed(transfer, atMillis)
  }

  function takeAcknowledgment(acknowledgment: Acknowledgment, atMillis: number): boolean {
    const { block, totalBlocks, bytes, outcome, machine } = acknowledgment
    if (block >= totalBlocks) return false
    const transfer = tracked(acknowledgment, atMillis)
    if (transfer.settled || transfer.processed.has(block) || totalBlocks !== transfer.blocks) return false
    const before = transfer.failed.size + transfer.processed.size
    transfer.failed.delete(block)
    if (outcome === 'again') transfer.askedAgain += 1
    if (outcome === 'failed') {
      transfer.failed.add(block)
      transfer.failedMillis = Math.max(transfer.failedMillis, atMillis)
    }
    if (outcome === 'processed') {
      transfer.processed.add(block)
      transfer.acknowledgedBytes += bytes
      transfer.acknowledgeRate = nextRate(transfer.acknowledgeRate, transfer.acknowledgedBytes, atMillis)
    } else transfer.message = `Block ${block} on ${machine}: ${acknowledgment.reason ?? outcome}`
    if (outcome !== 'again' && transfer.machines.size < MOST_MACHINES) transfer.machines.add(machine)
    openBlocks += transfer.failed.size + transfer.processed.size - before
    if (transfer.processed.size === transfer.blocks) {
      settle(transfer)
      transfer.endedMillis = atMillis
    }
    changed(transfer, atMillis)
    return true
  }

  return {
    takeStatus,
    takeAcknowledgment,
    list({ first, state }, nowMillis) {
      const found: FileTransfer[] = []
      for (const transfer of [...transfers.values()].reverse()) {
        if (found.length === first) break
        if (state === undefined || stateOf(transfer) === state) found.push(viewOf(transfer, nowMillis))
      }
      return found
    },
    find(file, nowMillis) {
      const transfer = newest.get(file)
      return transfer && viewOf(transfer, nowMillis)
    },
    get version() {
      return version
    },
    since(since, nowMillis) {
      const one = since.file === undefined ? undefined : newest.get(since.file)
      const some = since.file === undefined ? [...transfers.values()] : one ? [one] : []
      const changed = some.filter(transfer => transfer.version > since.version)
      return changed.map(transfer => viewOf(transfer, nowMillis))
    },
    clear() {
      transfers.clear()
      newest.clear()
      openBlocks = 0
    },
  }
}

/** Whether nothing more happens to a transfer unless its sender is run again. */
export function hasEnded({ state }: Pick<FileTransfer, 'state'>): boolean {
  return state === 'COMPLETE' || state === 'FAILED'
}

function startTransfer(of: { transferId: string; file: string; totalBlocks: number }, atMillis: number): Tracked {
  return {
    transferId: of.transferId,
    file: of.file,
    fileBytes: null,
    blocks: of.totalBlocks,
    sentBlocks: 0,
    sentBytes: 0,
    processed: new Set(),
    failed: new Set(),
    settled: false,
    askedAgain: 0,
    acknowledgedBytes: 0,
    phase: null,
    phaseMillis: 0,
    failedMillis: 0,
    message: null,
    sha256: null,
    machines: new Set(),
    sendRate: startRate(0, atMillis),
    acknowledgeRate: startRate(0, atMillis),
    startedMillis: atMillis,
    updatedMillis: atMillis,
    endedMillis: null,
    version: 0,
  }
}

function stateOf({ settled, phase, phaseMillis, failedMillis, blocks, processed, failed }: Tracked): TransferState {
  // A sender knows, too, although the log has dropped some of the acknowledgments.
  if (settled || phase === 'complete') return 'COMPLETE'
  if (phase === 'failed') return 'FAILED'
  const answered = processed.size + failed.size
  if (phase === 'sending' || (phase === null && answered < blocks)) return 'SENDING'
  // A sender that waits after that has sent again what failed.
  return answered === blocks && failedMillis >= phaseMillis ? 'FAILED' : 'WAITING'
}

function viewOf(transfer: Tracked, nowMillis: number): FileTransfer {
  const { blocks, processed, failed } = transfer
  const state = stateOf(transfer)
  const isComplete = state === 'COMPLETE'
  const bytes = transfer.fileBytes ?? transfer.acknowledgedBytes
  const acknowledgedBytes = isComplete ? bytes : transfer.acknowledgedBytes
  return {
    transferId: transfer.transferId,
    file: transfer.file,
    bytes,
    blocks,
    sent: isComplete ? blocks : Math.max(transfer.sentBlocks, processed.size + failed.size),
    acknowledged: isComplete ? blocks : processed.size,
    failed: isComplete ? 0 : failed.size,
    askedAgain: transfer.askedAgain,
    sentBytes: isComplete ? bytes : Math.max(transfer.sentBytes, acknowledgedBytes),
    acknowledgedBytes,
    bytesPerSecond: speedOf(transfer, state, bytes, nowMillis),
    etaSeconds: secondsLeft(transfer, state, bytes, nowMillis),
    state,
    message: isComplete ? null : transfer.message,
    sha256: transfer.sha256,
    machines: [...transfer.machines].sort(),
    startedAt: new Date(transfer.startedMillis),
    updatedAt: new Date(transfer.updatedMillis),
  }
}

/** A speed fades while nothing comes. */
function speedOf(transfer: Tracked, state: TransferState, bytes: number, nowMillis: number): number | null {
  const { sendRate, sentBytes, acknowledgeRate, acknowledgedBytes, startedMillis, endedMillis } = transfer
  if (state === 'SENDING') return nextRate(sendRate, sentBytes, nowMillis).perSecond
  if (state === 'WAITING') return nextRate(acknowledgeRate, acknowledgedBytes, nowMillis).perSecond
  const elapsedMillis = (endedMillis ?? startedMillis) - startedMillis
  return elapsedMillis > 0 ? (bytes * 1_000) / elapsedMillis : null
}

function secondsLeft(transfer: Tracked, state: TransferState, bytes: number, nowMillis: number): number | null {
  if (state === 'COMPLETE') return 0
  const { acknowledgeRate, acknowledgedBytes } = transfer
  // Before the first acknowledgment the speed of the sending is all there is.
  const rate = acknowledgedBytes > 0 ? acknowledgeRate : transfer.sendRate
  return state === 'FAILED' || bytes <= acknowledgedBytes
    ? null
    : etaSeconds(nextRate(rate, rate.done, nowMillis), acknowledgedBytes, bytes)
}
