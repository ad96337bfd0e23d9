import type { Clock } from '../datasources/clock.ts'
import type { Log } from '../datasources/log.ts'
import type { JobControl } from '../jobs/job.ts'
import type { SendOptions } from './files.ts'
import { openSeal } from './sealKey.ts'
import { createSender } from './send/createSender.ts'
import { sendOutcome } from './send/outcome.ts'
import type { SenderState } from './send/sender.ts'
import { encodingOf, type FilesSettings } from './settings.ts'
import type { FileTopics } from './wire/topics.ts'
import { counted, sentence } from './words.ts'

export interface SendFilesOptions {
  log: Log
  topics: FileTopics
  settings: FilesSettings
  /** Absolute. */
  folder: string
  clock: Clock
}

const LOOK_MILLIS = 250

/** The work of a job that sends a folder; what it says at the end, and fails with, is what sendOutcome makes of the result. */
export async function sendFiles(
  { log, topics, settings, folder, clock }: SendFilesOptions,
  { acknowledged }: SendOptions,
  control: JobControl,
): Promise<string> {
  const { blockBytes, compression, replication, machineId } = settings
  const sender = createSender({
    log,
    folder,
    machine: machineId,
    topics,
    seal: await openSeal(settings),
    settings: { blockBytes, encoding: encodingOf(compression), replication, wait: acknowledged },
    clock,
  })
  const done = new AbortController()
  const telling = tell()
  try {
    return sendOutcome(await sender.run(control.signal), acknowledged)
  } finally {
    done.abort()
    await telling
  }

  async function tell(): Promise<void> {
    while (!done.signal.aborted) {
      report(sender.state(), control)
      await clock.pause(LOOK_MILLIS, done.signal).catch(() => {})
    }
    report(sender.state(), control)
  }
}

function report(state: SenderState, { report, say }: JobControl): void {
  const { phase, files, bytes, sentBytes, blocks, acknowledgedBlocks, trouble } = state
  if (phase !== 'starting') report({ unit: 'bytes', done: sentBytes, total: bytes, bytes: sentBytes })
  if (trouble !== null) say(`Waits: ${sentence(trouble)}`)
  else if (phase === 'waiting') say(`All is sent; ${acknowledgedBlocks} of ${counted(blocks, 'block')} acknowledged.`)
  else if (phase === 'sending') say(`Sends ${counted(files, 'file')} in ${counted(blocks, 'block')}.`)
}
