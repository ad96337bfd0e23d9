import type { Clock } from '../datasources/clock.ts'
import type { Log } from '../datasources/log.ts'
import { MillraceError } from '../errors.ts'
import type { JobControl } from '../jobs/job.ts'
import type { SendOptions } from './files.ts'
import { openSeal } from './sealKey.ts'
import { createSender } from './send/createSender.ts'
import type { SenderState, SendResult } from './send/sender.ts'
import { encodingOf, type FilesSettings } from './settings.ts'
import type { FileTopics } from './wire/topics.ts'
import { counted } from './words.ts'

export interface SendFilesOptions {
  log: Log
  topics: FileTopics
  settings: FilesSettings
  /** Absolute. */
  folder: string
  clock: Clock
}

const LOOK_MILLIS = 250

/** The work of a job that sends a folder. Fails with the first reason where a file could not be sent; the others are in the log then. */
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
    return outcomeOf(await sender.run(control.signal), acknowledged)
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
  const { phase, bytes, sentBytes, blocks, acknowledgedBlocks, trouble } = state
  if (phase !== 'starting') report({ unit: 'bytes', done: sentBytes, total: bytes, bytes: sentBytes })
  if (trouble !== null) say(`Waits: ${trouble}`)
  else if (phase === 'waiting') say(`All is sent; ${acknowledgedBlocks} of ${counted(blocks, 'block')} acknowledged.`)
}

/** "Sent 2 files in 5 blocks, 4 of them now." Throws where a file could not be sent, or one of its blocks has failed. */
function outcomeOf({ files, leftOut }: SendResult, acknowledged: boolean): string {
  const problems = [
    ...files.flatMap(({ file, problem }) => (problem ? [{ file, ...problem }] : [])),
    ...leftOut.flatMap(({ name, reason, isFailure }) =>
      isFailure ? [{ file: name, code: 'BAD_USER_INPUT' as const, message: `It was left out: ${reason}.` }] : [],
    ),
  ]
  const [first] = problems
  if (first) {
    const among = counted(files.length + leftOut.length, 'file')
    throw new MillraceError(first.code, `${problems.length} of ${among} failed. ${first.file}: ${first.message}`, {
      hint: 'Send the folder again when that is put right: what is acknowledged is not sent again.',
    })
  }
  const sum = (of: (file: (typeof files)[number]) => number) => files.reduce((total, file) => total + of(file), 0)
  const done = acknowledged ? 'Sent and got acknowledged' : 'Sent'
  const all = `${counted(files.length, 'file')} in ${counted(
    sum(({ blocks }) => blocks),
    'block',
  )}`
  const links = leftOut.length === 0 ? '' : ` Left out: ${counted(leftOut.length, 'link or special file')}.`
  return `${done} ${all}; ${sum(({ sends }) => sends)} of them now.${links}`
}
