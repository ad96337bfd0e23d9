import type { Acknowledgment } from '../../src/files/wire/acknowledgment.ts'
import type { MachineStatus, TransferStatus } from '../../src/files/wire/status.ts'

export const TRANSFER_ID = '0123456789abcdef0123456789abcdef'

/** One processed block of a file of three; `changes` say what is different. */
export function acknowledgment(changes: Partial<Acknowledgment> = {}): Acknowledgment {
  return {
    version: 1,
    transferId: TRANSFER_ID,
    file: 'a.bin',
    block: 0,
    totalBlocks: 3,
    bytes: 100,
    sha256: 'ab'.repeat(32),
    machine: 'machine1',
    outcome: 'processed',
    sendId: 'send-1',
    attempts: 1,
    at: '2026-11-21T10:00:00.000Z',
    ...changes,
  }
}

/** A file of 250 bytes in three blocks, of which none is sent. */
export function transferStatus(changes: Partial<TransferStatus> = {}): TransferStatus {
  return {
    transferId: TRANSFER_ID,
    file: 'a.bin',
    bytes: 250,
    totalBlocks: 3,
    sentBlocks: 0,
    sentBytes: 0,
    state: 'sending',
    ...changes,
  }
}

/** A busy sender that has nothing to say of transfers. */
export function machineStatus(changes: Partial<MachineStatus> = {}): MachineStatus {
  return {
    version: 1,
    machine: 'producer1',
    role: 'sender',
    state: 'busy',
    at: '2026-11-21T10:00:00.000Z',
    blocksProcessed: 0,
    bytesProcessed: 0,
    failures: 0,
    ...changes,
  }
}
