import type { Client } from '../client/client.ts'
import { CancelJobDocument, type JobFieldsFragment, JobProgressDocument } from '../client/generated/graphql.ts'
import { errorCodeOf } from '../client/reply.ts'
import { MillraceError } from '../errors.ts'
import type { ProgressDisplay } from './progressDisplay.ts'

/**
 * Shows a job until it ends, and returns it where it succeeded; else throws what it failed with. The signal cancels the
 * job, waits for its end, and its reason is thrown.
 */
export async function followJob(
  client: Client,
  id: string,
  { display, signal }: { display: ProgressDisplay; signal: AbortSignal },
): Promise<JobFieldsFragment> {
  try {
    let job: JobFieldsFragment | null = null
    for await (const { jobProgress } of client.subscribe(JobProgressDocument, { id }, { signal })) {
      job = jobProgress
      display.update(job.progress, job.message)
    }
    display.stop()
    return succeeded(job)
  } catch (error) {
    display.stop(signal.aborted ? await cancel(client, id) : undefined)
    throw error
  }
}

function succeeded(job: JobFieldsFragment | null): JobFieldsFragment {
  if (job?.state === 'SUCCEEDED') return job
  const message = job?.message ?? 'Expected the job to end with a message, but it has none.'
  throw new MillraceError(errorCodeOf(job?.errorCode), message)
}

/** Returns what to say about it. */
async function cancel(client: Client, id: string): Promise<string> {
  try {
    const { cancelJob } = await client.request(CancelJobDocument, { id })
    return cancelJob?.message ?? 'The job was cancelled.'
  } catch (error) {
    if (error instanceof MillraceError) return error.message
    throw error
  }
}
