import { MillraceError } from '../../src/errors.ts'
import type { Files, FileTransfer, Machine, SendOptions, TransfersQuestion } from '../../src/files/files.ts'
import { createBroadcast } from '../../src/jobs/broadcast.ts'
import { expanded } from '../../src/jobs/iterate.ts'
import type { Jobs } from '../../src/jobs/job.ts'

export interface MemoryFiles extends Files {
  /** What was asked of transfers, and sent. */
  readonly asked: (TransfersQuestion | ({ folder: string } & SendOptions))[]
  /** Tells those who watch. */
  tell(transfer: FileTransfer): void
  /** How many watch now. */
  readonly watchers: number
}

export const TRANSFER: FileTransfer = {
  transferId: '0123456789abcdef0123456789abcdef',
  file: 'a folder/ü.bin',
  bytes: 2 ** 40,
  blocks: 8_192,
  sent: 100,
  acknowledged: 98,
  failed: 1,
  askedAgain: 2,
  sentBytes: 2 ** 34,
  acknowledgedBytes: 2 ** 33,
  bytesPerSecond: 123_456_789.5,
  etaSeconds: null,
  state: 'SENDING',
  message: 'Block 7 on machine2: no such table',
  sha256: null,
  machines: ['machine1', 'machine2'],
  startedAt: new Date('2026-11-21T06:00:00Z'),
  updatedAt: new Date('2026-11-21T06:01:00Z'),
}

export const MACHINE: Machine = {
  id: 'machine2',
  role: 'receiver',
  state: 'PAUSED',
  lastSeen: new Date('2026-11-21T06:01:00Z'),
  alive: true,
  blocksProcessed: 50,
  bytesProcessed: 2 ** 33,
  failures: 1,
  bytesPerSecond: null,
  trouble: 'The disk is full.',
}

/** Knows one transfer and one machine, and what it was asked. */
export function memoryFiles(jobs: Jobs): MemoryFiles {
  const asked: MemoryFiles['asked'] = []
  const transfers = createBroadcast<FileTransfer>({ keep: 10 })
  return {
    asked,
    tell: transfer => transfers.publish(transfer),
    get watchers() {
      return transfers.readers
    },
    async transfers(question) {
      asked.push(question)
      return [TRANSFER]
    },
    transfer: async file => (file === TRANSFER.file ? TRANSFER : null),
    machines: async () => [MACHINE],
    async send(folder, options) {
      if (folder === '..')
        throw new MillraceError('FORBIDDEN', 'Expected a folder below the outbox.', { hint: 'Move it.' })
      asked.push({ folder, ...options })
      return jobs.start('SEND_FILES', async () => 'Sent 1 file.')
    },
    watchTransfers: file =>
      expanded(transfers.read(), transfer => (file === undefined || transfer.file === file ? [transfer] : [])),
  }
}
