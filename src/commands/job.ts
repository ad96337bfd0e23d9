import { JobDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { argument, defineCommand } from './command.ts'
import { formatJob } from './jobTable.ts'

export const job = defineCommand({
  name: 'job',
  summary: 'one job: its state, progress and message',
  inputs: { id: argument('<id>', 'id of the job') },
  async run({ request }, { id }) {
    const { job } = await request(JobDocument, { id })
    return present(job)
  },
  show: formatJob,
})
