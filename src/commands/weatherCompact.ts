import { CompactWeatherDocument } from '../client/generated/graphql.ts'
import { errorCodeOf, present } from '../client/reply.ts'
import { MillraceError } from '../errors.ts'
import { type Context, defineCommand } from './command.ts'
import { partitionArgument } from './weatherConsume.ts'
import { withWeather } from './weatherPorts.ts'

export const weatherCompact = defineCommand({
  name: 'weather compact',
  summary: 'merge the small files of one partition, or of all, into larger ones',
  inputs: { partition: partitionArgument('[partition]') },
  async run(context, { partition }) {
    const { state, message, errorCode } = await compact(context, partition)
    if (state === 'SUCCEEDED') return { message }
    throw new MillraceError(errorCodeOf(errorCode), message ?? 'The merging ended without a message.')
  },
  show: ({ message }) => message ?? 'done',
})

async function compact(context: Context, partition: number | undefined) {
  const { signal } = context.terminal
  const client = await context.running()
  if (client) return present((await client.request(CompactWeatherDocument, { partition }, { signal })).compactWeather)
  return await withWeather(context, async (weather, jobs) => {
    const { id } = await weather.compact(partition)
    // Ctrl-C leaves nothing half-done, like any end of the process.
    const cancel = () => void jobs.cancel(id).catch(() => {})
    signal.addEventListener('abort', cancel, { once: true })
    try {
      return await jobs.finished(id)
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  })
}
