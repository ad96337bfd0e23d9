import type { Storage } from '../datasources/storage.ts'
import { DATA_FOLDER } from '../weather/files/names.ts'
import { PARTITIONS } from '../weather/questions.ts'
import { CHECKPOINT_FOLDER } from '../weather/sink/paths.ts'
import { counted } from '../weather/words.ts'
import { defineCommand, flag } from './command.ts'
import { tellOfTrouble } from './tellOfTrouble.ts'
import type { Terminal } from './terminal.ts'
import { withWeatherPorts } from './weatherPorts.ts'
import { formatCount } from './words.ts'

export const weatherProduce = defineCommand({
  name: 'weather produce',
  summary: 'send the rows of the source to the log, from the last one that is there, until Ctrl-C',
  alone: true,
  inputs: {
    recreateTopic: flag('--recreate-topic', 'first remove the topic with all its records, as the original did'),
  },
  run: (context, { recreateTopic }) =>
    withWeatherPorts(context, async ({ source, storage, log, settings }) => {
      if (recreateTopic) await warnOfFiles(storage(), context.terminal)
      const { createProducer } = await import('../weather/producer/createProducer.ts')
      const { topic, replication } = settings
      const producer = createProducer({
        source: source(),
        log: await log(),
        topic,
        settings: { partitions: PARTITIONS, replication, recreateTopic },
        onStep(step) {
          if (step !== 'resumed') return
          const { lastRowId } = producer.state()
          const from = lastRowId === 0 ? 'the first row' : `the row after ${formatCount(lastRowId)}`
          context.terminal.stderr.write(`Sends ${from} and what follows to topic ${topic}.\n`)
        },
      })
      await tellOfTrouble(context.terminal, producer)
      const { sent, lastRowId } = producer.state()
      return { topic, sent, last_row_id: lastRowId }
    }),
  show: ({ topic, sent, last_row_id }) =>
    `Sent ${counted(sent, 'record')} to topic ${topic}; every row up to ${formatCount(last_row_id)} is in it.`,
})

/** A storage that does not answer is no reason not to produce. */
async function warnOfFiles(storage: Storage, { stderr, signal }: Terminal): Promise<void> {
  const files = await storage.list(DATA_FOLDER, { signal }).catch(() => [])
  if (files.length === 0) return
  stderr.write(
    `warning: ${storage.url}${DATA_FOLDER} has files that were made from the topic before. Consumers go on at the offsets where they end; remove ${DATA_FOLDER} and ${CHECKPOINT_FOLDER} where all is to be made again.\n`,
  )
}
