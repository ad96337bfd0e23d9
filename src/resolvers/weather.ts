import { Arg, Ctx, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type * as domain from '../weather/weather.ts'
import type { Context } from './context.ts'
import { listCost, mutationCost, pageCost, systemCost } from './cost.ts'
import { checkFirst } from './first.ts'
import { Job } from './jobs.ts'
import { LocalDate } from './scalars.ts'
import {
  Temperature,
  TemperatureConnection,
  TemperatureWindow,
  WeatherBatch,
  WeatherPartition,
  WeatherVerification,
  WindowSize,
} from './weatherTypes.ts'

const DEFAULT_FIRST = 100
const MOST_FIRST = 5_000
const EXPECTED_PARTITIONS = 4
const EXPECTED_FILES = 50
const EXPECTED_WINDOWS = 100

const optionalPartition = { nullable: true, description: 'Only this partition, from 0; all where left out.' }
const optionalStation = {
  nullable: true,
  description: 'Only this station, for example "StationA"; all where left out.',
}
const optionalFrom = { nullable: true, description: 'The first day; from the beginning where left out.' }
const optionalTo = { nullable: true, description: 'The last day, included; to the end where left out.' }

@Resolver()
export class WeatherQueries {
  @Query(() => [WeatherPartition], {
    nullable: true,
    complexity: listCost(EXPECTED_PARTITIONS),
    description: 'How far each partition of the log has become files, ascending by partition.',
  })
  weatherPartitions(@Ctx() { weather }: Context): Promise<WeatherPartition[]> {
    return weather.partitions()
  }

  @Query(() => [WeatherBatch], {
    nullable: true,
    complexity: listCost(EXPECTED_FILES),
    description:
      'The files that readers see now, ascending by partition, then batch. Error BAD_USER_INPUT for a partition that there is not.',
  })
  weatherBatchFiles(
    @Arg('partition', () => Int, optionalPartition) partition: number | null | undefined,
    @Ctx() { weather }: Context,
  ): Promise<WeatherBatch[]> {
    return weather.batchFiles(partition ?? undefined)
  }

  @Query(() => TemperatureConnection, {
    nullable: true,
    complexity: ({ args, childComplexity }) => pageCost(Number(args.first) || DEFAULT_FIRST, childComplexity),
    description: 'Rows ascending by date, then station.',
  })
  temperatures(
    @Arg('stationId', () => String, optionalStation) stationId: string | null | undefined,
    @Arg('from', () => LocalDate, optionalFrom) from: string | null | undefined,
    @Arg('to', () => LocalDate, optionalTo) to: string | null | undefined,
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_FIRST,
      description: `How many at most, from 1 to ${MOST_FIRST}.`,
    })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The endCursor of the page before this one.' })
    after: string | null | undefined,
    @Ctx() { weather }: Context,
  ): Promise<TemperatureConnection> {
    const most = checkFirst(first ?? DEFAULT_FIRST, MOST_FIRST, 'Ask for fewer rows, and page on with "after".')
    return weather.temperatures({ ...rangeOf({ stationId, from, to }), first: most, after: after ?? undefined })
  }

  @Query(() => [TemperatureWindow], {
    nullable: true,
    complexity: listCost(EXPECTED_WINDOWS),
    description:
      'Count, minimum, maximum and mean of each window that has rows, ascending by start. The cost grows with files not seen before.',
  })
  temperatureWindows(
    @Arg('window', () => WindowSize, { description: 'How long a window is.' }) window: domain.WindowSize,
    @Arg('stationId', () => String, {
      nullable: true,
      description: 'Only this station, for example "StationA"; all together where left out.',
    })
    stationId: string | null | undefined,
    @Arg('from', () => LocalDate, optionalFrom) from: string | null | undefined,
    @Arg('to', () => LocalDate, optionalTo) to: string | null | undefined,
    @Ctx() { weather }: Context,
  ): Promise<TemperatureWindow[]> {
    return weather.windows({ ...rangeOf({ stationId, from, to }), window })
  }

  @Query(() => WeatherVerification, {
    nullable: true,
    complexity: systemCost,
    description: 'Proof that every source row is in the files exactly once, or the first gap or double.',
  })
  verifyWeather(@Ctx() { weather }: Context): Promise<WeatherVerification> {
    return weather.verify()
  }
}

@Resolver()
export class WeatherMutations {
  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description: `Moves rows source -> log -> Parquet until stopped; with generate: true simulated stations feed the source.
Answers with the job as soon as it runs. Error CONFLICT while one runs.`,
  })
  startWeather(
    @Arg('generate', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Whether simulated stations add rows to the source meanwhile.',
    })
    generate: boolean | null,
    @Ctx() { weather }: Context,
  ): Promise<Job> {
    return weather.start({ generate: generate ?? false })
  }

  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description:
      'Stops what startWeather has started: closes the open batches and answers with the job that has ended. Error CONFLICT where none runs.',
  })
  stopWeather(@Ctx() { weather }: Context): Promise<Job> {
    return weather.stop()
  }

  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description: `Merges a partition's small files into larger ones; no row is lost, doubled or unreadable meanwhile. Answers when it
is done. Error BAD_USER_INPUT for a partition that there is not, CONFLICT while another compaction runs.`,
  })
  async compactWeather(
    @Arg('partition', () => Int, optionalPartition) partition: number | null | undefined,
    @Ctx() { weather, jobs }: Context,
  ): Promise<Job> {
    const job = await weather.compact(partition ?? undefined)
    return jobs.finished(job.id)
  }
}

@Resolver()
export class WeatherSubscriptions {
  @Subscription(() => WeatherBatch, {
    subscribe: ({ context }) => (context as Context).weather.watchBatches(),
    description:
      'Each file as it becomes visible, whichever process writes it. A reader that is too slow misses the oldest.',
  })
  weatherBatches(@Root() batch: domain.WeatherBatch): WeatherBatch {
    return batch
  }

  @Subscription(() => Temperature, {
    name: 'temperatures',
    subscribe: ({ args, context }) =>
      (context as Context).weather.watchTemperatures(typeof args.stationId === 'string' ? args.stationId : undefined),
    description: 'Each row as its file becomes visible. A reader that is too slow misses the oldest.',
  })
  newTemperatures(
    @Root() temperature: domain.Temperature,
    @Arg('stationId', () => String, optionalStation) _stationId: string | null | undefined,
  ): Temperature {
    return temperature
  }
}

interface NullableRange {
  stationId: string | null | undefined
  from: string | null | undefined
  to: string | null | undefined
}

function rangeOf({ stationId, from, to }: NullableRange): domain.TemperatureRange {
  return { stationId: stationId ?? undefined, from: from ?? undefined, to: to ?? undefined }
}
