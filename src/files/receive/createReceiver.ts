import { join } from 'node:path'
import type { Call } from '../../datasources/call.ts'
import { systemClock } from '../../datasources/clock.ts'
import type { AssignedPartition, LogGroup } from '../../datasources/log.ts'
import { createPublisher } from '../../datasources/publish.ts'
import { asError, MillraceError } from '../../errors.ts'
import { type BlockToJoin, joinIfWhole } from '../join/joinIfWhole.ts'
import { makeTopics } from '../makeTopics.ts'
import { startStatusReports } from '../statusReports.ts'
import type { MachineState } from '../wire/status.ts'
import { createAnswers } from './answers.ts'
import { type BlockStore, blocksInFolder, localBlocks } from './blockStore.ts'
import { finishBlock } from './finishBlock.ts'
import { forgetOldest } from './forgetOldest.ts'
import { createLane, type Lane } from './lane.ts'
import { type MachineFolder, openMachineFolder } from './machineFolder.ts'
import { beMember } from './member.ts'
import { oneAtATime } from './oneAtATime.ts'
import { openProcessor, type Processor } from './processor.ts'
import { RECEIVER_DEFAULTS, type Receiver, type ReceiverOptions, type ReceiverState } from './receiver.ts'
import { sinkBlocks } from './sinkStore.ts'
import { createWaiting } from './waiting.ts'
import type { Workshop } from './workshop.ts'

const MOST_WARNINGS = 20
/** Of a temporary file. */
const MOST_OWNER_CHARACTERS = 64
/** So long after the last record the machine counts as busy. */
const BUSY_MILLIS = 2_000

/** See docs/file-distribution.md for the protocol and why each step is there. */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { log, topics, machine, groupId, clock = systemClock } = options
  const { onBlock = () => {}, onStep = () => {} } = options
  const settings = { ...RECEIVER_DEFAULTS, ...options.settings }
  // A sink has the whole file, and this machine none of its blocks.
  const keepsJoined = settings.keepJoined && !options.sink
  const lanes = new Map<number, Lane>()
  const warnings = new Set<string>()
  const waiting = createWaiting(clock, settings, options.sink ? 'storage' : 'disk')
  const counts = { processedBlocks: 0, processedBytes: 0, repeatedBlocks: 0, failedBlocks: 0, askedAgain: 0 }
  /** Aborted when nothing new is begun, */
  const ending = new AbortController()
  /** and when nothing is waited for any more. */
  const ended = new AbortController()
  const finishing = oneAtATime()
  let phase: ReceiverState['phase'] = 'starting'
  let activeMillis = Number.NEGATIVE_INFINITY
  let failure: { error: unknown } | undefined

  async function run(stop: AbortSignal): Promise<void> {
    if (stop.aborted) return
    const endSoon = () => {
      ending.abort(stop.reason)
      clock.pause(settings.closeMillis, ended.signal).then(
        () => ended.abort(new MillraceError('CANCELLED', `a block was not finished within ${settings.closeMillis} ms`)),
        () => {},
      )
    }
    stop.addEventListener('abort', endSoon, { once: true })
    try {
      await work()
    } catch (error) {
      if (!ending.signal.aborted) throw error
    } finally {
      stop.removeEventListener('abort', endSoon)
      ending.abort(OVER)
      ended.abort(OVER)
      phase = 'stopped'
    }
    if (failure) throw failure.error
  }

  async function work(): Promise<void> {
    await using opened = new AsyncDisposableStack()
    const folder = openMachineFolder(options.output, machine)
    opened.defer(() => folder.release())
    const processor = await startProcessor()
    if (processor) opened.defer(() => processor.close())
    const call = { signal: ending.signal }
    await makeTopics({ ...settings, log, topics, clock, onTrouble: trouble => waiting.note(trouble) }, call)
    opened.defer(startReports())
    const producer = opened.adopt(log.producer(), producer => producer.close())
    const answers = createAnswers({
      ...settings,
      producer,
      topic: topics.acknowledgments.name,
      machine,
      nowMillis: () => clock.nowMillis(),
      patiently: waiting.forLog,
    })
    const shop = workshop(folder, { answers, processor })
    while (!ending.signal.aborted) await memberOf(shop, call)
  }

  function startProcessor(): Promise<Processor | null> {
    const { processor: file } = options
    return file === null
      ? Promise.resolve(null)
      : openProcessor({ file, deadlineMillis: settings.processMillis, clock })
  }

  function workshop(
    folder: MachineFolder,
    tools: Pick<Workshop, 'answers'> & { processor: Processor | null },
  ): Workshop {
    const store = openStore(folder)
    const { answers, processor } = tools
    const parts = { machine, store, answers, processor, settings, clock, waiting, onStep }
    return {
      store,
      answers,
      seal: options.seal,
      settings,
      clock,
      waiting,
      newPlace: folder.newPlace,
      openFile: options.openFile,
      finishNext: work => finishing.start(work, ending.signal),
      finish: (block, call) => finishBlock(block, call, parts),
      async onProcessed(metadata) {
        counts.processedBlocks += 1
        counts.processedBytes += metadata.blockBytes
        onBlock(metadata)
        if (counts.processedBlocks === settings.maxBlocks) ending.abort(OVER)
        if (keepsJoined) await joinHere(folder, metadata)
      },
      async onRepeated(chunk) {
        counts.repeatedBlocks += 1
        if (keepsJoined) await joinHere(folder, chunk)
      },
      onRefused(outcome) {
        if (outcome === 'failed') counts.failedBlocks += 1
        else counts.askedAgain += 1
      },
      onWarning: warn,
      onFailure: fail,
      onStep,
    }
  }

  function openStore({ place, storage, newPlace }: MachineFolder): BlockStore {
    const { sink } = options
    if (!sink)
      return blocksInFolder(
        place,
        localBlocks(storage, () => newPlace().path),
      )
    const owner = `receiver-${machine.replaceAll('.', '_')}`.slice(0, MOST_OWNER_CHARACTERS)
    return sinkBlocks(sink.storage, createPublisher(sink.storage, owner), sink.folder)
  }

  async function joinHere(folder: MachineFolder, block: BlockToJoin): Promise<void> {
    const output = join(options.output, `joined_data_${machine}`)
    try {
      await joinIfWhole(folder.place, block, output)
    } catch (error) {
      warn(`${JSON.stringify(block.file)} could not be put together: ${asError(error).message}`)
    }
  }

  async function memberOf(shop: Workshop, call: Call): Promise<void> {
    const { sessionTimeoutMillis } = settings
    const joining = () => log.group(topics.blocks.name, { groupId, sessionTimeoutMillis }, call)
    const group = await waiting.forLog(joining, ending.signal)
    phase = 'running'
    await beMember({
      group,
      lanes,
      openLane: one => openLane(one, group, shop),
      limits: { maxBytes: settings.fetchBytes, waitMillis: settings.waitMillis },
      ending: ending.signal,
      finished: () => finishing.idle(),
      onRecords() {
        activeMillis = clock.nowMillis()
      },
      onTrouble: trouble => waiting.note(trouble),
      onWarning: warn,
      clock,
    })
    if (!ending.signal.aborted) await clock.pause(settings.firstPauseMillis, ending.signal)
  }

  function openLane({ partition, offset, revoked }: AssignedPartition, group: LogGroup, shop: Workshop): Lane {
    const signals = { revoked, ending: ending.signal, ended: ended.signal }
    return createLane({ partition, offset, group, ...signals }, shop)
  }

  function fail(error: unknown): void {
    failure ??= { error }
    ending.abort(error)
    ended.abort(error)
  }

  /** Returns what ends them. */
  function startReports(): () => Promise<void> {
    const reports = startStatusReports({
      producer: log.producer(),
      topic: topics.status.name,
      clock,
      onProblem: problem => warn(`Nobody can be told how it goes: ${problem}`),
      machine() {
        const trouble = waiting.trouble()
        const { processedBlocks, processedBytes, failedBlocks, askedAgain } = counts
        return {
          machine,
          role: 'receiver',
          state: machineState(),
          blocksProcessed: processedBlocks,
          bytesProcessed: processedBytes,
          failures: failedBlocks + askedAgain,
          ...(trouble !== null && { trouble: trouble.slice(0, MOST_TROUBLE_CHARACTERS) }),
        }
      },
    })
    return async () => {
      phase = 'stopped'
      await reports.end()
    }
  }

  function machineState(): MachineState {
    if (phase !== 'running') return phase
    if (waiting.isDiskFull()) return 'paused'
    const isActive = finishing.isBusy() || clock.nowMillis() - activeMillis < BUSY_MILLIS
    return isActive ? 'busy' : 'idle'
  }

  function warn(warning: string): void {
    warnings.delete(warning)
    warnings.add(warning)
    forgetOldest(warnings, MOST_WARNINGS)
  }

  return {
    run,
    state: () => ({
      phase,
      partitions: [...lanes.keys()].sort((one, other) => one - other),
      openBlocks: [...lanes.values()].reduce((sum, lane) => sum + lane.openBlocks(), 0),
      ...counts,
      trouble: waiting.trouble(),
      warnings: [...warnings],
    }),
  }
}

const MOST_TROUBLE_CHARACTERS = 1_000
const OVER = new MillraceError('CANCELLED', 'the receiver has ended')
