import { type Clock, systemClock } from '../datasources/clock.ts'
import { createDeadline } from '../datasources/deadline.ts'
import type { Log } from '../datasources/log.ts'
import { MillraceError } from '../errors.ts'
import type { Jobs } from '../jobs/job.ts'
import type { Files } from './files.ts'
import { folderInOutbox } from './outbox.ts'
import { checkTransferName } from './paths.ts'
import { sendFiles } from './sendFiles.ts'
import type { FilesSettings } from './settings.ts'
import { createTracker } from './track/tracker.ts'
import { fileTopics } from './wire/topics.ts'

export interface CreateFilesOptions {
  log: Log
  jobs: Jobs
  settings: FilesSettings
  clock?: Clock
  /** Told of what a user does not see but an operator may want to. */
  note: (message: string, details: object) => void
}

/** The first answer reads the topics' past, which goes on beyond this and is there for the next question. */
const ANSWER_WITHIN_MILLIS = 30_000

export function createFiles({ log, jobs, settings, clock = systemClock, note }: CreateFilesOptions): Files {
  const topics = fileTopics(settings.topicPrefix)
  const tracker = createTracker({ log, topics, clock, note })

  /** UNAVAILABLE when time is up. */
  async function refreshed(): Promise<void> {
    using deadline = createDeadline(
      ANSWER_WITHIN_MILLIS,
      () =>
        new MillraceError(
          'UNAVAILABLE',
          `The log did not tell of the files within ${ANSWER_WITHIN_MILLIS / 1_000} s.`,
          {
            hint: 'The log is slow, or has much to tell when it is asked for the first time. Try again in a moment.',
          },
        ),
    )
    await tracker.refresh(deadline)
  }

  return {
    async transfers(question) {
      await refreshed()
      return tracker.transfers(question)
    },
    async transfer(file) {
      checkTransferName(file)
      await refreshed()
      return tracker.transfer(file) ?? null
    },
    async machines() {
      await refreshed()
      return tracker.machines()
    },
    async send(folder, options) {
      const real = await folderInOutbox(settings.root, folder)
      return jobs.start('SEND_FILES', control =>
        sendFiles({ log, topics, settings, folder: real, clock }, options, control),
      )
    },
    watchTransfers(file) {
      if (file !== undefined) checkTransferName(file)
      return tracker.watch(file)
    },
  }
}
