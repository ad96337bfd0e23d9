import { IngestCitizensDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { calendarDate, defineCommand, flag, parsedArgument } from './command.ts'
import { followJob } from './followJob.ts'

export const warehouseIngest = defineCommand({
  name: 'warehouse ingest',
  summary: "land a date's citizens and the tables of the source in the storage, without running it",
  inputs: {
    date: parsedArgument('<date>', 'the logical date, for example 2026-11-20', calendarDate),
    force: flag('--force', 'replace what is landed where another file has come since'),
  },
  async run({ connect, progress, terminal }, { date, force }) {
    const client = await connect()
    const { ingestCitizens } = await client.request(IngestCitizensDocument, { date, force })
    return followJob(client, present(ingestCitizens).id, { display: progress(date), signal: terminal.signal })
  },
  show: job => job.message ?? 'done',
})
