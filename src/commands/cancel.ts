import { CancelJobDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { argument, defineCommand } from './command.ts'
import { formatJob } from './jobTable.ts'

export const cancel = defineCommand({
  name: 'cancel',
  summary: 'stop a queued or running job, and wait until it has ended',
  inputs: { id: argument('<id>', 'id of the job') },
  async run({ request }, { id }) {
    const { cancelJob } = await request(CancelJobDocument, { id })
    return present(cancelJob)
  },
  show: formatJob,
})
