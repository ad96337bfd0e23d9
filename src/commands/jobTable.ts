import type { JobFieldsFragment } from '../client/generated/graphql.ts'
import { describeProgress } from '../jobs/words.ts'
import { formatTable } from './table.ts'

export function formatJobs(jobs: JobFieldsFragment[]): string {
  if (jobs.length === 0) return 'no jobs'
  return formatTable(
    ['ID', 'KIND', 'STATE', 'CREATED', 'PROGRESS'],
    jobs.map(job => [job.id, job.kind, job.state, seconds(job.createdAt), describeProgress(job.progress)]),
  )
}

/** One job as a list of what is known of it. */
export function formatJob(job: JobFieldsFragment): string {
  const facts: [string, string | null][] = [
    ['id', job.id],
    ['kind', job.kind],
    ['state', job.state],
    ['progress', describeProgress(job.progress)],
    ['created', seconds(job.createdAt)],
    ['started', job.startedAt && seconds(job.startedAt)],
    ['finished', job.finishedAt && seconds(job.finishedAt)],
    ['message', job.message],
    ['hint', job.hint],
    ['error', job.errorCode],
  ]
  return facts
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(9)} ${value}`)
    .join('\n')
}

/** "2026-11-21T03:26:00Z" */
function seconds(instant: string): string {
  return instant.replace(/\.\d+Z$/, 'Z')
}
