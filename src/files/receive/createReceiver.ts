import { join } from 'node:path'
import { abortable } from '../../datasources/abortable.ts'
import type { Call } from '../../datasources/call.ts'
import { systemClock } from '../../datasources/clock.ts'
import type { AssignedPartition, GroupEvent, LogGroup } from '../../datasources/log.ts'
import { createPublisher } from '../../datasources/publish.ts'
import { asError, hasCode, MillraceError } from '../../errors.ts'
import { type BlockToJoin, joinIfWhole } from '../join/joinIfWhole.ts'
import { createPatience } from '../send/patience.ts'
import { startStatusReports } from '../send/statusReports.ts'
import type { MachineState } from '../wire/status.ts'
import { createAnswers } from './answers.ts'
import { type BlockStore, localBlocks } from './blockStore.ts'
import { finishBlock } from './finishBlock.ts'
import { createLane, type Lane, type Workshop } from './lane.ts'
import { type MachineFolder, openMachineFolder } from './machineFolder.ts'
import { oneAtATime } from './oneAtATime.ts'
import { openProcessor, type Processor } from './processor.ts'
import { RECEIVER_DEFAULTS, type Receiver, type ReceiverOptions, type ReceiverState } from './receiver.ts'
import { sinkBlocks } from './sinkStore.ts'
import { createWaiting } from './waiting.ts'

const MOST_WARNINGS = 20
/** So long after the last record the machine counts as busy. */
const BUSY_MILLIS = 2_000
/** A group that does not answer is not waited for at the end: it notices by itself. */
const LEAVE_MILLIS = 5_000

/** See docs/file-distribution.md for the protocol and why each step is there. */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { log, topics, machine, groupId, clock = systemClock } = options
  const { onBlock = () => {}, onStep = () => {} } = options
  const settings = { ...RECEIVER_DEFAULTS, ...options.settings }
  // A sink has the whole file, and this machine none of its blocks.
  const keepsJoined = settings.keepJoined && !options.sink
  const lanes = new Map<number, Lane>()
  const warnings = new Set<string>()
  const waiting = createWaiting(clock, settings)
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
    await makeTopics(call)
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
    while (!ending.signal.aborted) await beMember(shop, call)
  }

  async function makeTopics(call: Call): Promise<void> {
    const { replication, startPatienceMillis: patienceMillis } = settings
    // A broker that has just gone is no reason to end; a log that nobody started is.
    const patiently = createPatience({
      ...settings,
      clock,
      patienceMillis,
      onTrouble: trouble => waiting.note(trouble),
    })
    for (const { name, partitions } of Object.values(topics)) {
      await patiently(() => log.createTopic(name, { partitions, replication }, call), ending.signal)
    }
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
      newPlace: () => folder.newPlace(),
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

  function openStore({ storage }: MachineFolder): BlockStore {
    const { sink } = options
    const owner = `receiver-${machine.replaceAll('.', '_')}`.slice(0, 64)
    if (sink) return sinkBlocks(sink.storage, createPublisher(sink.storage, owner), sink.folder)
    return localBlocks(storage, createPublisher(storage, owner))
  }

  async function joinHere(folder: MachineFolder, block: BlockToJoin): Promise<void> {
    const output = join(options.output, `joined_data_${machine}`)
    try {
      await joinIfWhole(folder.place, block, output)
    } catch (error) {
      warn(`${JSON.stringify(block.file)} could not be put together: ${asError(error).message}`)
    }
  }

  /** One membership in the group, until the receiver ends or the group has to be joined anew. */
  async function beMember(shop: Workshop, call: Call): Promise<void> {
    const { sessionTimeoutMillis } = settings
    const joining = () => log.group(topics.blocks.name, { groupId, sessionTimeoutMillis }, call)
    const group = await waiting.forLog(joining, ending.signal)
    phase = 'running'
    try {
      await serve(group, shop, call)
      // What is being finished at the end is given its time.
      await finishing.idle()
    } catch (error) {
      if (!ending.signal.aborted && !hasCode(error, 'UNAVAILABLE', 'CONFLICT')) throw error
      if (!ending.signal.aborted) waiting.note(asError(error).message)
    } finally {
      await dropLanes([...lanes.keys()])
      await finishing.idle()
      await leave(group)
    }
    if (!ending.signal.aborted) await clock.pause(settings.firstPauseMillis, ending.signal)
  }

  async function serve(group: LogGroup, shop: Workshop, call: Call): Promise<void> {
    const limits = { maxBytes: settings.fetchBytes, waitMillis: settings.waitMillis }
    // The next is fetched while this one is worked on.
    const ask = () => {
      const coming = group.next(limits, call)
      coming.catch(() => {})
      return coming
    }
    let coming = ask()
    while (!ending.signal.aborted) {
      let event: GroupEvent | null
      try {
        event = await abortable(coming, ending.signal)
      } catch (error) {
        if (ending.signal.aborted) return
        if (!hasCode(error, 'DATA_LOST')) throw error
        warn(error.message)
        event = null
      }
      waiting.note(null)
      coming = ask()
      if (event) await take(event, group, shop)
      else for (const lane of lanes.values()) await lane.tidy()
    }
  }

  async function take(event: GroupEvent, group: LogGroup, shop: Workshop): Promise<void> {
    if (event.kind === 'assigned')
      for (const one of event.partitions) lanes.set(one.partition, openLane(one, group, shop))
    if (event.kind === 'revoked') await dropLanes(event.partitions)
    if (event.kind !== 'records') return
    activeMillis = clock.nowMillis()
    await lanes.get(event.partition)?.take(event.records, event.nextOffset)
    activeMillis = clock.nowMillis()
  }

  function openLane({ partition, offset, revoked }: AssignedPartition, group: LogGroup, shop: Workshop): Lane {
    const signals = { revoked, ending: ending.signal, ended: ended.signal }
    return createLane({ partition, offset, group, ...signals }, shop)
  }

  async function dropLanes(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      await lanes.get(partition)?.drop()
      lanes.delete(partition)
    }
  }

  async function leave(group: LogGroup): Promise<void> {
    try {
      await abortable(group.leave(), clock.deadline(LEAVE_MILLIS))
    } catch {
      // It is given up after its session.
    }
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
    for (const oldest of warnings) {
      if (warnings.size <= MOST_WARNINGS) break
      warnings.delete(oldest)
    }
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
