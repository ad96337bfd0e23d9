import { StartWeatherDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand, flag } from './command.ts'
import { formatJob } from './jobTable.ts'
import { runningServer } from './runningServer.ts'

export const weatherStart = defineCommand({
  name: 'weather start',
  summary: 'let the server move rows through the log into Parquet files, until "weather stop"',
  inputs: { generate: flag('--generate', 'let simulated stations add rows to the source meanwhile') },
  async run(context, { generate }) {
    const client = await runningServer(context)
    const { startWeather } = await client.request(StartWeatherDocument, { generate })
    return present(startWeather)
  },
  show: formatJob,
})
