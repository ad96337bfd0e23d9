import DataLoader from 'dataloader'
import { Arg, Ctx, Field, FieldResolver, Float, Int, Mutation, ObjectType, Query, Resolver, Root } from 'type-graphql'
import type * as domain from '../loans/loans.ts'
import type { Context } from './context.ts'
import { averageCost, listCost, mutationCost, systemCost } from './cost.ts'
import { createEnum } from './enums.ts'
import { Job } from './jobs.ts'
import { CountyCode, SafeInt } from './scalars.ts'

/** Wisconsin's; a list of counties counts as this many in an operation's cost. */
const EXPECTED_COUNTIES = 72

export type AverageLoader = DataLoader<number, domain.CountyAverage>

/** Counties asked for in one operation are answered together: one pass over the main file, not one per county. */
export function createAverageLoader(loans: domain.Loans, warnings: Set<string>): AverageLoader {
  return new DataLoader(async codes => {
    const answers = await loans.averagesOf(codes)
    for (const answer of answers) {
      if (!(answer instanceof Error) && answer.warning !== null) warnings.add(answer.warning)
    }
    return answers
  })
}

const AverageSource = createEnum<domain.AverageSource>(
  'AverageSource',
  `How an average was obtained: CREATE from the whole file, because no partition file existed;
REUSE from a valid partition file; RECREATE from the whole file, because the partition file
was lost, corrupt, or made from an earlier migration.`,
  {
    CREATE: 'From the whole file: there was no partition file, now there is.',
    REUSE: 'From a valid partition file.',
    RECREATE: 'From the whole file: the partition file was lost, corrupt or outdated, and has been replaced.',
  },
)

const MigrationEngine = createEnum<domain.MigrationEngine>('MigrationEngine', 'What copies the rows of a migration.', {
  AUTO: 'SPARK where Spark is the engine, the source is MySQL and there are more rows than MILLRACE_SPARK_ABOVE_ROWS; else LOCAL.',
  LOCAL: 'This server, into one file.',
  SPARK: 'Spark, into a folder of files by county; no row passes through this server.',
})

@ObjectType({ description: 'What it took to answer.' })
class ReadCost implements domain.ReadCost {
  @Field(() => Float, { description: 'From the question to the answer, in milliseconds.' })
  elapsedMillis!: number

  @Field(() => SafeInt, { description: 'Bytes of file content read from the storage.' })
  bytesRead!: number

  @Field(() => Int, {
    description:
      'Requests sent to the storage. Those that several answers shared are counted on the first of them only.',
  })
  storageRequests!: number
}

@ObjectType({ description: 'The average loan of one county.' })
class CountyAverage implements Omit<domain.CountyAverage, 'warning'> {
  @Field(() => CountyCode, { description: 'The county that was asked for.' })
  countyCode!: number

  @Field(() => Int, { description: 'Mean of loan_amount, rounded down, in US dollars.' })
  averageLoan!: number

  @Field(() => Int, { description: 'How many loans it is the mean of.' })
  loans!: number

  @Field(() => AverageSource, { description: 'How it was obtained.' })
  source!: domain.AverageSource

  @Field(() => ReadCost, { description: 'What this answer cost.' })
  cost!: ReadCost
}

@ObjectType({ description: 'A county that has migrated loans.' })
class County implements domain.County {
  @Field(() => CountyCode, { description: 'Its FIPS code.' })
  code!: number

  @Field(() => String, { description: "Census name, for example 'Dane County'." })
  name!: string
}

@Resolver()
export class LoanQueries {
  @Query(() => CountyAverage, {
    nullable: true,
    complexity: averageCost,
    description:
      'Average of one county. Error NOT_MIGRATED before the first migrateLoans; NOT_FOUND for a county without loans.',
  })
  averageLoan(
    @Arg('countyCode', () => CountyCode, { description: 'The county, for example 55025.' }) countyCode: number,
    @Ctx() { averages }: Context,
  ): Promise<CountyAverage> {
    return averages.load(countyCode)
  }

  @Query(() => County, {
    nullable: true,
    complexity: systemCost,
    description: 'One county. Null where no migrated loan has this county.',
  })
  async county(
    @Arg('code', () => CountyCode, { description: 'The county, for example 55025.' }) code: number,
    @Ctx() { loans }: Context,
  ): Promise<County | undefined> {
    const counties = await loans.counties()
    return counties.find(county => county.code === code)
  }

  @Query(() => [County], {
    nullable: true,
    complexity: listCost(EXPECTED_COUNTIES),
    description: 'Every county that has migrated loans, ascending by code.',
  })
  counties(@Ctx() { loans }: Context): Promise<County[]> {
    return loans.counties()
  }

  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description: `Copies loans, joined with loan_types and filtered to 30,000 < loan_amount < 800,000, to
/hdma-wi-2021.parquet with 2 replicas and 1 MiB blocks. Readers see the old data or the new,
never a part. With wait: false it returns as soon as the job is queued. Error BAD_USER_INPUT for
SPARK where Spark is not the engine or cannot read the source.`,
  })
  async migrateLoans(
    @Arg('wait', () => Boolean, {
      nullable: true,
      defaultValue: true,
      description: 'Answer when the job has ended, whatever its outcome, or at once.',
    })
    wait: boolean | null,
    @Arg('engine', () => MigrationEngine, {
      nullable: true,
      defaultValue: 'AUTO',
      description: 'What copies the rows. LOCAL writes a file, SPARK a folder of files; both hold the same.',
    })
    engine: domain.MigrationEngine | null,
    @Ctx() { loans, jobs }: Context,
  ): Promise<Job> {
    const job = loans.migrate(engine ?? 'AUTO')
    return wait === false ? job : jobs.finished(job.id)
  }

  @Mutation(() => [CountyCode], {
    nullable: true,
    complexity: mutationCost,
    description: `Removes the partition files of counties, to measure or to free space: the next average of each is a CREATE from the
whole file. Answers with the counties that had one, in the order given.`,
  })
  dropPartitions(
    @Arg('countyCodes', () => [CountyCode], { description: 'The counties, for example [55001, 55025].' })
    countyCodes: number[],
    @Ctx() { loans }: Context,
  ): Promise<number[]> {
    return loans.dropPartitions(countyCodes)
  }
}

@Resolver(() => County)
export class CountyFields {
  @FieldResolver(() => CountyAverage, {
    nullable: true,
    complexity: averageCost,
    description: "The county's average loan; all that one operation asks for are answered together.",
  })
  averageLoan(@Root() county: County, @Ctx() { averages }: Context): Promise<CountyAverage> {
    return averages.load(county.code)
  }
}
