import { MigrateLoansDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand } from './command.ts'
import { followJob } from './followJob.ts'

export const dbToHdfs = defineCommand({
  name: 'DbToHdfs',
  summary: 'copy the loans, joined and filtered, to a Parquet file in the storage; Ctrl-C cancels the copying',
  inputs: {},
  async run({ connect, progress, terminal }) {
    const client = await connect()
    const { migrateLoans } = await client.request(MigrateLoansDocument, { wait: false })
    return followJob(client, present(migrateLoans).id, { display: progress('DbToHdfs'), signal: terminal.signal })
  },
  show: job => job.message ?? 'done',
})
