import { MigrateLoansDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { MIGRATION_ENGINES } from '../loans/loans.ts'
import { defineCommand, oneOf, optional } from './command.ts'
import { followJob } from './followJob.ts'

export const dbToHdfs = defineCommand({
  name: 'DbToHdfs',
  summary: 'copy the loans, joined and filtered, to a Parquet file in the storage; Ctrl-C cancels the copying',
  inputs: {
    engine: optional(
      '--engine <engine>',
      'what copies them: LOCAL into one file, SPARK into a folder of files, or AUTO (default), which takes Spark for very many',
      oneOf(MIGRATION_ENGINES),
    ),
  },
  async run({ connect, progress, terminal }, { engine }) {
    const client = await connect()
    const { migrateLoans } = await client.request(MigrateLoansDocument, { wait: false, ...(engine && { engine }) })
    return followJob(client, present(migrateLoans).id, { display: progress('DbToHdfs'), signal: terminal.signal })
  },
  show: job => job.message ?? 'done',
})
