import {
  Arg,
  Ctx,
  Field,
  Float,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import type { ErrorCode } from '../errors.ts'
import type * as domain from '../jobs/job.ts'
import type { Context } from './context.ts'
import { mutationCost } from './cost.ts'
import { createEnum } from './enums.ts'
import { checkFirst } from './first.ts'
import { DateTime, SafeInt } from './scalars.ts'

const DEFAULT_FIRST = 20
const MOST_FIRST = 1_000

const JobKind = createEnum<domain.JobKind>('JobKind', 'What a job does.', {
  MIGRATE_LOANS: 'Copies the loans to a Parquet file: migrateLoans.',
  WEATHER: 'Moves weather rows from the source through the log into Parquet files.',
  COMPACT_WEATHER: "Merges a weather partition's small files into larger ones.",
  SEND_FILES: 'Sends the files of a folder through the log in blocks.',
  INGEST_CITIZENS: "Uploads a day's citizens data and the source tables to the storage.",
  WAREHOUSE_RUN: 'Transforms one logical date and publishes it to the warehouse.',
})

export const JobState = createEnum<domain.JobState>('JobState', 'How far a job has come.', {
  QUEUED: 'Waits to be started.',
  RUNNING: 'At work.',
  SUCCEEDED: 'Has ended and done all of it.',
  FAILED: 'Has ended with an error; message and hint say more.',
  CANCELLED: 'Was stopped by cancelJob or by the stop of the server, and has left nothing half-done.',
  INTERRUPTED: 'The server died while it ran; the message says how to go on.',
})

@ObjectType({ description: 'done and total count `unit`; total is null while it is not known.' })
class JobProgress implements domain.Progress {
  @Field(() => SafeInt, { description: 'How many units are done.' })
  done!: number

  @Field(() => SafeInt, { nullable: true, description: 'How many units there are; null while that is not known.' })
  total!: number | null

  @Field(() => String, { description: 'What is counted, for example "rows".' })
  unit!: string

  @Field(() => SafeInt, { description: 'Bytes written so far, where the work writes any.' })
  bytes!: number

  @Field(() => Float, { nullable: true, description: 'Estimated seconds to the end; null where there is no estimate.' })
  etaSeconds!: number | null
}

@ObjectType({ description: 'Long work. Jobs are kept: they can be asked for after a restart of the server.' })
export class Job implements domain.Job {
  @Field(() => ID, { description: 'Names the job in job, cancelJob and jobProgress.' })
  id!: string

  @Field(() => JobKind, { description: 'What it does.' })
  kind!: domain.JobKind

  @Field(() => JobState, { description: 'How far it has come.' })
  state!: domain.JobState

  @Field(() => JobProgress, { description: 'How much of it is done.' })
  progress!: JobProgress

  @Field(() => DateTime, { description: 'When it was asked for.' })
  createdAt!: Date

  @Field(() => DateTime, { nullable: true, description: 'When the work began.' })
  startedAt!: Date | null

  @Field(() => DateTime, { nullable: true, description: 'When it ended, whatever the outcome.' })
  finishedAt!: Date | null

  @Field(() => String, {
    nullable: true,
    description: 'One line a person can read: what was done, or what went wrong and what to do about it.',
  })
  message!: string | null

  @Field(() => String, { nullable: true, description: 'What to do about a failure.' })
  hint!: string | null

  @Field(() => String, { nullable: true, description: 'Machine-readable error code where state is FAILED.' })
  errorCode!: ErrorCode | null
}

@Resolver()
export class JobQueries {
  @Query(() => Job, {
    nullable: true,
    description: 'One job by id; jobs survive a restart of the server. Error NOT_FOUND for an unknown id.',
  })
  job(@Arg('id', () => ID, { description: 'The id of the job.' }) id: string, @Ctx() { jobs }: Context): Job {
    return jobs.get(id)
  }

  @Query(() => [Job], {
    nullable: true,
    complexity: ({ args, childComplexity }) => 1 + childComplexity * (Number(args.first) || DEFAULT_FIRST),
    description: 'The jobs, newest first.',
  })
  jobs(
    @Arg('kind', () => JobKind, { nullable: true, description: 'Only jobs of this kind.' })
    kind: domain.JobKind | null | undefined,
    @Arg('state', () => JobState, { nullable: true, description: 'Only jobs in this state.' })
    state: domain.JobState | null | undefined,
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_FIRST,
      description: `How many at most, from 1 to ${MOST_FIRST}.`,
    })
    first: number | null,
    @Ctx() { jobs }: Context,
  ): Job[] {
    const most = checkFirst(
      first ?? DEFAULT_FIRST,
      MOST_FIRST,
      'Ask for fewer jobs, or narrow them down by kind and state.',
    )
    return jobs.list({ ...(kind && { kind }), ...(state && { state }), first: most })
  }

  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description:
      'Stops a queued or running job and leaves nothing half-done. Error CONFLICT for a job that has ended, NOT_FOUND for an unknown id.',
  })
  cancelJob(
    @Arg('id', () => ID, { description: 'The id of the job.' }) id: string,
    @Ctx() { jobs }: Context,
  ): Promise<Job> {
    return jobs.cancel(id)
  }

  @Subscription(() => Job, {
    subscribe: ({ args, context }) => watch(context, String(args.id)),
    description: 'The job now, then each change, ending when the job ends. Error NOT_FOUND for an unknown id.',
  })
  jobProgress(@Root() job: domain.Job, @Arg('id', () => ID, { description: 'The id of the job.' }) _id: string): Job {
    return job
  }
}

/** Asks for the job first, so that an unknown one is refused before the stream begins. */
function watch({ jobs }: Context, id: string): AsyncIterable<domain.Job> {
  jobs.get(id)
  return jobs.watch(id)
}
