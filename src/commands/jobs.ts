import { JobsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { JOB_KINDS, JOB_STATES } from '../jobs/job.ts'
import { defineCommand, oneOf, optional, wholeNumber } from './command.ts'
import { formatJobs } from './jobTable.ts'

export const jobs = defineCommand({
  name: 'jobs',
  summary: 'the newest jobs',
  inputs: {
    kind: optional('--kind <kind>', 'only of this kind, for example MIGRATE_LOANS', oneOf(JOB_KINDS)),
    state: optional('--state <state>', 'only in this state, for example FAILED', oneOf(JOB_STATES)),
    first: optional('-n, --first <count>', 'how many (default: 20)', wholeNumber),
  },
  async run({ request }, { kind, state, first }) {
    const { jobs } = await request(JobsDocument, { kind, state, ...(first !== undefined && { first }) })
    return present(jobs)
  },
  show: formatJobs,
})
