import { Field, Float, Int, ObjectType } from 'type-graphql'
import type { JobState as State } from '../jobs/job.ts'
import type * as domain from '../warehouse/warehouse.ts'
import { JobState } from './jobs.ts'
import { DateTime, LocalDate, SafeInt } from './scalars.ts'

@ObjectType({ description: 'One step of a run: ingest, a transform for each result table, stage, test, publish.' })
export class WarehouseStep implements domain.Step {
  @Field(() => String, { description: 'What it does, for example "transform agg_income".' })
  name!: string

  @Field(() => JobState, { description: 'How far it has come; in a plan, SUCCEEDED is done already.' })
  state!: State

  @Field(() => SafeInt, { nullable: true, description: 'Rows that it made; in a plan, those that it would replace.' })
  rows!: number | null

  @Field(() => Float, { nullable: true, description: 'How long it took, in milliseconds.' })
  elapsedMillis!: number | null

  @Field(() => String, { nullable: true, description: 'What was done, what went wrong, or what would be done.' })
  message!: string | null
}

@ObjectType({ description: 'A logical date with all its attempts; the steps are those of the last.' })
export class WarehouseRun implements domain.Run {
  @Field(() => LocalDate, { description: 'The logical date.' })
  date!: string

  @Field(() => JobState, { description: 'How far the last attempt has come.' })
  state!: State

  @Field(() => Int, { description: 'How often it has been begun; a run that finds nothing to do is none.' })
  attempts!: number

  @Field(() => DateTime, { nullable: true, description: 'When the last attempt began.' })
  startedAt!: Date | null

  @Field(() => DateTime, { nullable: true, description: 'When the last attempt ended.' })
  finishedAt!: Date | null

  @Field(() => [WarehouseStep], { description: 'In their order.' })
  steps!: WarehouseStep[]
}

@ObjectType({ description: 'A result table: there is a .sql file for each.' })
export class WarehouseTable implements domain.Table {
  @Field(() => String, { description: 'Its name in the warehouse, and that of its .sql file.' })
  name!: string

  @Field(() => String, { description: 'What it holds, from its .sql file.' })
  description!: string

  @Field(() => SafeInt, { description: 'Rows of all dates.' })
  rows!: number

  @Field(() => LocalDate, { nullable: true, description: 'The latest date that is published; null before the first.' })
  latestDate!: string | null
}

@ObjectType({ description: 'What a run of a date would do now.' })
export class WarehousePlan implements domain.Plan {
  @Field(() => LocalDate, { description: 'The logical date.' })
  date!: string

  @Field(() => [WarehouseStep], { description: 'In their order.' })
  steps!: WarehouseStep[]

  @Field(() => [String], { description: 'Why it would fail, or what else to know before it is run.' })
  problems!: string[]
}
