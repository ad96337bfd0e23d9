import { WeatherPartitionsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand } from './command.ts'
import { formatTable } from './table.ts'
import { withWeather } from './weatherPorts.ts'

export const weatherPartitions = defineCommand({
  name: 'weather partitions',
  summary: 'how far each partition of the log has become files',
  inputs: {},
  async run(context) {
    const client = await context.running()
    if (!client) return await withWeather(context, weather => weather.partitions())
    const { signal } = context.terminal
    return present((await client.request(WeatherPartitionsDocument, {}, { signal })).weatherPartitions)
  },
  show: partitions => {
    const heads = ['PARTITION', 'ROWS', 'NEXT BATCH', 'NEXT OFFSET', 'END OFFSET', 'LAG', 'DOUBLES', 'DEAD LETTERS']
    const rows = partitions.map(({ partition, rows, nextBatch, nextOffset, endOffset, lag, doubles, deadLetters }) => [
      partition,
      rows,
      nextBatch,
      nextOffset,
      endOffset,
      lag,
      doubles,
      deadLetters,
    ])
    const warnings = partitions.flatMap(({ warning }) => (warning === null ? [] : [`warning: ${warning}`]))
    return [formatTable(heads, rows), ...warnings].join('\n')
  },
})
