import type { Job, Jobs } from '../jobs/job.ts'

export const waitArgument = {
  nullable: true,
  defaultValue: true,
  description: 'Answer when the job has ended, whatever its outcome, or at once.',
}

/** The job as a mutation answers with it: when it has ended, or as it is where `wait` is false. */
export async function answerWith(job: Job, wait: boolean | null, jobs: Jobs): Promise<Job> {
  return wait === false ? job : await jobs.finished(job.id)
}
