import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatOverview, plain } from '../commands/filesOverview.ts'
import type { Config, Environment } from '../config.ts'
import { systemClock } from '../datasources/clock.ts'
import { type Overview, overviewOf } from '../files/track/overview.ts'
import { createTracker } from '../files/track/tracker.ts'
import { fileTopics } from '../files/wire/topics.ts'
import { openRecordLog } from '../keepers.ts'
import { startConsumer } from './consumerProcess.ts'
import { BLOCK_MIB } from './filesSample.ts'
import { startMillrace } from './millraceProcess.ts'
import { type Stage, timeline, untilSo } from './stage.ts'

export const MACHINES = ['machine1', 'machine2'] as const
const [, KILLED] = MACHINES
const SENDER = 'producer1'
/** What each block is worked on, so that there is a middle to be killed in. */
const WORK_MILLIS = 300
const PROCESSOR = `import { setTimeout } from 'node:timers/promises'

export async function process(block) {
  await setTimeout(${WORK_MILLIS})
}
`
/** There are blocks done by then, and more is to come. */
const KILL_AFTER_BLOCKS = 5
const SILENT_MILLIS = 4_000

/** Sends the outbox to two receivers and kills one midway. Returns the folders of their blocks. */
export async function distributeFiles(
  stage: Stage,
  { files, config, environment }: { files: number; config: Config; environment: Environment },
): Promise<string[]> {
  const { signal } = stage.terminal
  await using opened = new AsyncDisposableStack()
  const log = opened.adopt(await openRecordLog(config), log => log.close())
  const topics = fileTopics(config.files.topicPrefix)
  const tracker = createTracker({ log, topics, clock: systemClock, note: stage.say })
  const processor = join(config.dataDir, 'work.mjs')
  writeFileSync(processor, PROCESSOR)

  const receivers = MACHINES.map(machine => {
    const words = ['--machine-id', machine, '--output', config.dataDir, '--processor', processor]
    return startConsumer(['files', 'receive', ...words], environment)
  })
  opened.defer(async () => {
    await Promise.all(receivers.map(receiver => receiver.stop()))
  })

  async function look(): Promise<Overview> {
    await tracker.refresh({ signal })
    return overviewOf(tracker, systemClock.nowMillis())
  }
  const until = (what: string, isSo: (overview: Overview) => boolean) =>
    untilSo({ look, isSo, what, failure: () => failureOf(receivers), signal })

  const tell = timeline(stage)
  await until('two receivers', ({ machines }) => MACHINES.every(id => machines.some(machine => machine.id === id)))
  tell(`Two receivers, each a process, share six partitions of a log: SQLite.`)
  tell(`A step of your own takes ${WORK_MILLIS} ms a block before it is acknowledged.`)
  const sender = startMillrace(
    ['files', 'send', '--machine-id', SENDER, '--data-folder', config.files.root, '--block-size', `${BLOCK_MIB}MiB`],
    environment,
  )
  opened.defer(async () => {
    sender.child.kill('SIGINT')
    await sender.ended
  })
  tell(`A sender puts the outbox into it, in blocks of ${BLOCK_MIB} MiB.`)
  const middle = await until('blocks to be acknowledged', overview => {
    return acknowledgedBlocks(overview) >= KILL_AFTER_BLOCKS && blocksOf(overview, KILLED) > 0
  })
  show(stage, 'The monitor', middle)

  const killed = receivers[MACHINES.indexOf(KILLED)]!
  await killed.kill()
  tell(`kill -9 ${killed.pid}: ${KILLED}, in the middle of a block.`)
  const later = await until(`${KILLED} to be silent`, ({ machines, at }) =>
    machines.some(({ id, lastSeen }) => id === KILLED && at.getTime() - lastSeen.getTime() > SILENT_MILLIS),
  )
  tell(`${acknowledgedBlocks(later)} blocks are done; ${KILLED} has not been heard for ${SILENT_MILLIS / 1_000} s.`)
  const end = await until('all files to be complete', overview => isComplete(overview, files))
  tell(`${MACHINES[0]} has taken its partitions over and done the rest.`)
  show(stage, 'The monitor', end)
  return MACHINES.map(machine => join(config.dataDir, `processed_data_${machine}`))
}

function show({ say }: Stage, title: string, overview: Overview): void {
  say(`\n${title}:\n${formatOverview(overview, { paint: plain, rows: 10 })}\n`)
}

function acknowledgedBlocks({ transfers }: Overview): number {
  return transfers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
}

function blocksOf({ machines }: Overview, id: string): number {
  return machines.find(machine => machine.id === id)?.blocksProcessed ?? 0
}

function isComplete({ transfers }: Overview, files: number): boolean {
  return transfers.length === files && transfers.every(({ state }) => state === 'COMPLETE')
}

function failureOf(receivers: readonly { failure(): string | undefined }[]): string | undefined {
  return receivers.map(receiver => receiver.failure()).find(failure => failure !== undefined)
}
