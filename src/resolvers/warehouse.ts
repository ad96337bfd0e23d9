import { Arg, Ctx, Int, Mutation, Query, Resolver } from 'type-graphql'
import type { Context } from './context.ts'
import { listCost, mutationCost, pageCost, systemCost } from './cost.ts'
import { checkFirst } from './first.ts'
import { Job } from './jobs.ts'
import { JSONObject, LocalDate } from './scalars.ts'
import { answerWith, waitArgument } from './wait.ts'
import { WarehousePlan, WarehouseRun, WarehouseTable } from './warehouseTypes.ts'

const DEFAULT_RUNS = 30
const MOST_RUNS = 1_000
const DEFAULT_ROWS = 100
const MOST_ROWS = 10_000
const EXPECTED_TABLES = 8

const dateArgument = { description: 'The logical date, for example "2026-11-20".' }

@Resolver()
export class WarehouseQueries {
  @Query(() => [WarehouseRun], {
    nullable: true,
    complexity: ({ args, childComplexity }) => pageCost(Number(args.first) || DEFAULT_RUNS, childComplexity),
    description: 'Newest logical date first: the run history grid.',
  })
  warehouseRuns(
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_RUNS,
      description: `How many at most, from 1 to ${MOST_RUNS}.`,
    })
    first: number | null,
    @Ctx() { warehouse }: Context,
  ): WarehouseRun[] {
    return warehouse.runs(checkFirst(first ?? DEFAULT_RUNS, MOST_RUNS, 'Ask for fewer runs.'))
  }

  @Query(() => [WarehouseTable], {
    nullable: true,
    complexity: listCost(EXPECTED_TABLES),
    description: 'The result tables by name, those too that no run has made yet.',
  })
  warehouseTables(@Ctx() { warehouse }: Context): Promise<WarehouseTable[]> {
    return warehouse.tables()
  }

  @Query(() => [JSONObject], {
    nullable: true,
    complexity: ({ args }) => pageCost(Number(args.first) || DEFAULT_ROWS, 1),
    description: `Rows of one result table for one logical date (latest where null), as JSON objects. Error NOT_FOUND for a table
or date that there is not.`,
  })
  warehouseRows(
    @Arg('table', () => String, { description: 'The name of the table, for example "agg_income".' }) table: string,
    @Arg('date', () => LocalDate, { nullable: true, description: 'The logical date; the latest where left out.' })
    date: string | null | undefined,
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_ROWS,
      description: `How many at most, from 1 to ${MOST_ROWS}, ascending by the columns from the left.`,
    })
    first: number | null,
    @Ctx() { warehouse }: Context,
  ): Promise<Record<string, unknown>[]> {
    const most = checkFirst(first ?? DEFAULT_ROWS, MOST_ROWS, 'Ask for fewer rows, or read the table with SQL.')
    return warehouse.rows(table, date ?? null, most)
  }

  @Query(() => WarehousePlan, {
    nullable: true,
    complexity: systemCost,
    description:
      'What runWarehouse(date) would do: inputs found, steps, rows that would be replaced. It changes nothing.',
  })
  planWarehouse(
    @Arg('date', () => LocalDate, dateArgument) date: string,
    @Ctx() { warehouse }: Context,
  ): Promise<WarehousePlan> {
    return warehouse.plan(date)
  }
}

@Resolver()
export class WarehouseMutations {
  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description: `Uploads the day's citizens_data.csv and the source tables to storage. Same date again: same result. The job fails with
CONFLICT where the date is landed and another file has come for it since.`,
  })
  ingestCitizens(
    @Arg('date', () => LocalDate, dateArgument) date: string,
    @Arg('force', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Whether another file may take the place of the one that is landed.',
    })
    force: boolean | null,
    @Arg('wait', () => Boolean, waitArgument) wait: boolean | null,
    @Ctx() { warehouse, jobs }: Context,
  ): Promise<Job> {
    return answerWith(warehouse.ingest(date, { force: force ?? false }), wait, jobs)
  }

  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description: `Runs the transforms for one logical date and publishes them to the warehouse in one transaction; ingests the date first
where it is not landed. Runs of one date queue up. A run again redoes only what failed or has other inputs now.`,
  })
  runWarehouse(
    @Arg('date', () => LocalDate, dateArgument) date: string,
    @Arg('force', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Whether to ingest anew, and replace what is landed where another file has come since.',
    })
    force: boolean | null,
    @Arg('wait', () => Boolean, waitArgument) wait: boolean | null,
    @Ctx() { warehouse, jobs }: Context,
  ): Promise<Job> {
    return answerWith(warehouse.run(date, { force: force ?? false }), wait, jobs)
  }
}
