import { StopWeatherDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand } from './command.ts'
import { formatJob } from './jobTable.ts'
import { runningServer } from './runningServer.ts'

export const weatherStop = defineCommand({
  name: 'weather stop',
  summary: 'end what "weather start" began, with every row so far in a file',
  inputs: {},
  async run(context) {
    const client = await runningServer(context)
    const { stopWeather } = await client.request(StopWeatherDocument, {}, { signal: context.terminal.signal })
    return present(stopWeather)
  },
  show: formatJob,
})
