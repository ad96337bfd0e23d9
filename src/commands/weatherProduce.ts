import { PARTITIONS } from '../weather/questions.ts'
import { counted } from '../weather/words.ts'
import { defineCommand, flag } from './command.ts'
import { tellOfTrouble } from './tellOfTrouble.ts'
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
    withWeatherPorts(context, async ({ source, log, settings }) => {
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
