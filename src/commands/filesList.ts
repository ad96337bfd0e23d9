import { FileTransfersDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { systemClock } from '../datasources/clock.ts'
import { type FileTransfer, TRANSFER_STATES } from '../files/files.ts'
import { type Context, defineCommand, oneOf, optional, wholeNumber, withDefault } from './command.ts'
import { formatTransfers, plain } from './filesOverview.ts'
import { withFilesPorts } from './filesPorts.ts'

export const filesList = defineCommand({
  name: 'files list',
  summary: 'files on their way and those that have come, as far back as the log goes',
  inputs: {
    state: optional(
      '--state <state>',
      `only these: ${TRANSFER_STATES.join(', ').toLowerCase()}`,
      oneOf(TRANSFER_STATES),
    ),
    first: withDefault('--first <number>', 'how many at most; what changed last comes first', wholeNumber, '100'),
  },
  run: (context, question) => transfers(context, question),
  show: found => formatTransfers(found, { paint: plain, rows: found.length }),
})

/** Of the server, where one runs; else from the log itself. */
async function transfers(
  context: Context,
  question: { first: number; state: FileTransfer['state'] | undefined },
): Promise<FileTransfer[]> {
  const { signal } = context.terminal
  const client = await context.running()
  if (client) {
    const reply = await client.request(
      FileTransfersDocument,
      { ...question, state: question.state ?? null },
      { signal },
    )
    return present(reply.fileTransfers).map(({ startedAt, updatedAt, ...transfer }) => ({
      ...transfer,
      startedAt: new Date(startedAt),
      updatedAt: new Date(updatedAt),
    }))
  }
  return await withFilesPorts(context, undefined, async ({ log, settings }) => {
    const { createTracker } = await import('../files/track/tracker.ts')
    const { fileTopics } = await import('../files/wire/topics.ts')
    const topics = fileTopics(settings.topicPrefix)
    const tracker = createTracker({ log: await log(), topics, clock: systemClock, note: () => {} })
    await tracker.refresh({ signal })
    return tracker.transfers(question)
  })
}
