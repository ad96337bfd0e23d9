import { randomBytes } from 'node:crypto'
import { systemClock } from '../../datasources/clock.ts'
import type { LogProducer, OutgoingRecord } from '../../datasources/log.ts'
import { MillraceError } from '../../errors.ts'
import { makeTopics } from '../makeTopics.ts'
import { createPatience } from '../patience.ts'
import { startStatusReports } from '../statusReports.ts'
import { CHUNK_BYTES } from '../wire/chunk.ts'
import type { MachineStatus } from '../wire/status.ts'
import { counted, sentence } from '../words.ts'
import { type Acknowledged, createAcknowledged } from './acknowledged.ts'
import { createBuffers } from './chunkRecords.ts'
import { createConveyor } from './conveyor.ts'
import { createFileSending, type FileSending } from './fileSending.ts'
import { createOutgoing, type Outgoing } from './outgoing.ts'
import { type LeftOut, type ScannedFolder, scanFolder } from './scanFolder.ts'
import {
  SENDER_DEFAULTS,
  type Sender,
  type SenderOptions,
  type SenderState,
  type SendResult,
  type SentFile,
} from './sender.ts'

const MOST_RECORDS_WAITING = 1_000
const MOST_WARNINGS = 20
const MACHINE_STATES = { starting: 'starting', sending: 'busy', waiting: 'idle', stopped: 'stopped' } as const

/** See docs/file-distribution.md for the protocol. */
export function createSender(options: SenderOptions): Sender {
  const { log, folder, machine, topics, seal, clock = systemClock, onStep = () => {} } = options
  const settings = { ...SENDER_DEFAULTS, ...options.settings }
  const { windowBytes, lookMillis } = settings
  const runId = randomBytes(8).toString('hex')
  /** By transfer id, in the order of their names. */
  const outgoing = new Map<string, Outgoing>()
  const warnings = new Set<string>()
  let phase: SenderState['phase'] = 'starting'
  let trouble: string | null = null
  let leftOut: LeftOut[] = []
  let resumedBytes = 0
  let onChange = (_one: Outgoing): void => {}
  const noteTrouble = (what: string | null) => {
    trouble = what
  }
  const patiently = createPatience({ ...settings, clock, onTrouble: noteTrouble })

  async function run(signal: AbortSignal): Promise<SendResult> {
    const call = { signal }
    await using opened = new AsyncDisposableStack()
    opened.defer(() => {
      phase = 'stopped'
    })
    plan(await scanFolder(folder, settings.mostFiles, signal))
    await makeTopics({ ...settings, log, topics, clock, onTrouble: noteTrouble }, call)
    await onStep('topics made')
    opened.defer(startReports())

    const acknowledged = createAcknowledged({
      log,
      topic: topics.acknowledgments.name,
      outgoing,
      onChange: one => onChange(one),
      onWarning: warn,
    })
    await patiently(() => acknowledged.look(call), signal)
    resumedBytes = totals().sentBytes
    await onStep('resumed')

    phase = 'sending'
    const producer = opened.adopt(log.producer(), producer => producer.close())
    await sendAll(producer, acknowledged, signal)
    return { files: [...outgoing.values()].map(sentFile), leftOut }
  }

  function plan(scanned: ScannedFolder): void {
    leftOut = scanned.leftOut
    let blocks = 0
    for (const found of scanned.files) {
      blocks += Math.max(1, Math.ceil(found.identity.bytes / settings.blockBytes))
      if (blocks > settings.mostBlocks) throw tooManyBlocks(folder, settings.mostBlocks)
      const one = createOutgoing(found, { ...settings, runId })
      outgoing.set(one.transfer.transferId, one)
    }
  }

  /** Returns what ends them. */
  function startReports(): () => Promise<void> {
    const reports = startStatusReports({
      producer: log.producer(),
      topic: topics.status.name,
      clock,
      machine: machineStatus,
      onProblem: problem => warn(`Nobody can be told how it goes: ${problem}`),
    })
    onChange = one => reports.changed(one)
    for (const one of outgoing.values()) reports.changed(one)
    return async () => {
      phase = 'stopped'
      await reports.end()
    }
  }

  async function sendAll(producer: LogProducer, acknowledged: Acknowledged, signal: AbortSignal): Promise<void> {
    const send = (records: OutgoingRecord[]) =>
      patiently(() => producer.send(topics.blocks.name, records, { signal }), signal)
    const conveyor = createConveyor(send, { mostBytes: windowBytes, mostRecords: MOST_RECORDS_WAITING })
    const buffers = createBuffers(2 + Math.ceil((2 * windowBytes) / CHUNK_BYTES))
    const style = { machine, encoding: settings.encoding, seal, nowMillis: () => clock.nowMillis(), buffers }
    let lookedAtMillis = clock.nowMillis()

    async function look(): Promise<void> {
      await patiently(() => acknowledged.look({ signal }), signal)
      lookedAtMillis = clock.nowMillis()
    }

    async function lookAround(): Promise<void> {
      if (clock.nowMillis() - lookedAtMillis >= lookMillis) await look()
    }

    const files = createFileSending({ conveyor, style, signal, onChange, onStep, lookAround })
    for (const one of outgoing.values()) {
      signal.throwIfAborted()
      await files.send(one)
      await sendAskedAgain(files, acknowledged)
    }
    for (;;) {
      await conveyor.drain()
      await look()
      if (await sendAskedAgain(files, acknowledged)) continue
      phase = 'waiting'
      await onStep('all sent')
      if (!settings.wait || [...outgoing.values()].every(one => one.isSettled())) return
      await clock.pause(lookMillis, signal)
    }
  }

  /** Whether there was anything. */
  async function sendAskedAgain(files: FileSending, acknowledged: Acknowledged): Promise<boolean> {
    const asked = acknowledged.takeAskedAgain()
    if (asked.length > 0) phase = 'sending'
    for (const [one, blocks] of asked) await files.sendAgain(one, blocks)
    return asked.length > 0
  }

  function machineStatus(): Omit<MachineStatus, 'version' | 'at' | 'transfers'> {
    const { sentBlocks, sentBytes, failedBlocks, failedFiles } = totals()
    return {
      machine,
      role: 'sender',
      state: MACHINE_STATES[phase],
      blocksProcessed: sentBlocks,
      bytesProcessed: sentBytes,
      failures: failedBlocks + failedFiles,
      ...(trouble !== null && { trouble }),
    }
  }

  function totals() {
    let [failedFiles, bytes, sentBytes, blocks, sentBlocks, acknowledgedBlocks, failedBlocks] = [0, 0, 0, 0, 0, 0, 0]
    for (const one of outgoing.values()) {
      const of = one.counts()
      failedFiles += of.problem ? 1 : 0
      bytes += one.transfer.bytes
      sentBytes += of.sentBytes
      blocks += one.transfer.totalBlocks
      sentBlocks += of.sentBlocks
      acknowledgedBlocks += of.acknowledgedBlocks
      failedBlocks += of.failedBlocks
    }
    const files = outgoing.size
    return { files, failedFiles, bytes, sentBytes, blocks, sentBlocks, acknowledgedBlocks, failedBlocks }
  }

  function warn(warning: string): void {
    if (warnings.size < MOST_WARNINGS) warnings.add(warning)
  }

  return { run, state: () => ({ phase, ...totals(), resumedBytes, trouble, warnings: [...warnings] }) }
}

function sentFile(one: Outgoing): SentFile {
  const { transferId, file, bytes, totalBlocks: blocks } = one.transfer
  const { sends, acknowledgedBlocks, failedBlocks, problem } = one.counts()
  const sha256 = one.fileSha256() ?? null
  const failed = failedBlocks > 0 ? failedBlocksOf(one, failedBlocks) : null
  return {
    transferId,
    file,
    bytes,
    blocks,
    sha256,
    sends,
    acknowledgedBlocks,
    failedBlocks,
    problem: problem ?? failed,
  }
}

/** Another run may succeed, so it is not the file that is wrong. */
function failedBlocksOf(one: Outgoing, failedBlocks: number): SentFile['problem'] {
  const among = counted(one.transfer.totalBlocks, 'block')
  return { code: 'UNAVAILABLE', message: `${failedBlocks} of ${among} failed: ${sentence(one.status().message ?? '')}` }
}

function tooManyBlocks(folder: string, most: number): MillraceError {
  return new MillraceError(
    'BAD_USER_INPUT',
    `Expected at most ${counted(most, 'block')} of the files below ${folder}, but there are more.`,
    { hint: 'Send larger blocks, with --block-size or MILLRACE_FILES_BLOCK_BYTES.' },
  )
}
