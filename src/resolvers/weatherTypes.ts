import { Field, Float, Int, ObjectType } from 'type-graphql'
import type * as domain from '../weather/weather.ts'
import { createEnum } from './enums.ts'
import { DateTime, LocalDate, SafeInt, StoragePath } from './scalars.ts'

export const WindowSize = createEnum<domain.WindowSize>('WindowSize', 'How long a window of time is.', {
  DAY: 'One day.',
  WEEK: 'Seven days from a Monday.',
  MONTH: 'A calendar month.',
  YEAR: 'A calendar year.',
})

@ObjectType({ description: 'How far one partition of the log has become files.' })
export class WeatherPartition implements domain.WeatherPartition {
  @Field(() => Int, { description: 'Its number in the log, from 0.' })
  partition!: number

  @Field(() => SafeInt, { description: 'Offset the next batch starts at: what the checkpoint holds.' })
  nextOffset!: number

  @Field(() => SafeInt, { description: "The log's end now: the offset that the next record will get." })
  endOffset!: number

  @Field(() => SafeInt, { description: 'Offsets that are in the log but in no file yet.' })
  lag!: number

  @Field(() => Int, { description: 'The number that the next batch will have.' })
  nextBatch!: number

  @Field(() => SafeInt, { description: 'Rows in its files.' })
  rows!: number

  @Field(() => SafeInt, { description: 'Records that were dropped because their row was stored already.' })
  doubles!: number

  @Field(() => SafeInt, { description: 'Records that could not be decoded; they are kept in /dead-letters.' })
  deadLetters!: number

  @Field(() => String, {
    nullable: true,
    description: 'What a person should know although the partition goes on, for example that the log had lost records.',
  })
  warning!: string | null
}

@ObjectType({ description: 'A file that readers see: one batch, or several that were merged.' })
export class WeatherBatch implements domain.WeatherBatch {
  @Field(() => Int, { description: 'The partition of the log that its rows came through.' })
  partition!: number

  @Field(() => Int, { description: 'Number of the batch in its partition, from 0; of a merged file, the first.' })
  batch!: number

  @Field(() => Int, { description: 'The last batch of a merged file; the same as batch for any other.' })
  lastBatch!: number

  @Field(() => StoragePath, { description: 'The file.' })
  path!: string

  @Field(() => Int, { description: 'How many rows it has.' })
  rows!: number

  @Field(() => SafeInt, { description: 'Bytes.' })
  length!: number

  @Field(() => SafeInt, { description: 'Offset of the first record that it accounts for.' })
  firstOffset!: number

  @Field(() => SafeInt, { description: 'Offset of the last record that it accounts for.' })
  lastOffset!: number

  @Field(() => DateTime, { description: 'When it was written.' })
  writtenAt!: Date
}

@ObjectType({ description: "One station's temperature on one day." })
export class Temperature implements domain.Temperature {
  @Field(() => String, { description: 'The station, for example StationA.' })
  stationId!: string

  @Field(() => LocalDate, { description: 'The day.' })
  date!: string

  @Field(() => Float, { description: 'The temperature in degrees.' })
  degrees!: number
}

@ObjectType({ description: 'One page of temperatures.' })
export class TemperatureConnection implements domain.TemperaturePage {
  @Field(() => [Temperature], { description: 'The rows, ascending by date, then station.' })
  nodes!: Temperature[]

  @Field(() => String, {
    nullable: true,
    description: 'What to give as "after" for the next page; null where this one is empty.',
  })
  endCursor!: string | null

  @Field(() => Boolean, { description: 'Whether there are rows behind this page.' })
  hasNextPage!: boolean
}

@ObjectType({ description: 'The temperatures of one window of time.' })
export class TemperatureWindow implements domain.TemperatureWindow {
  @Field(() => LocalDate, { description: 'Its first day.' })
  start!: string

  @Field(() => LocalDate, { description: 'Its last day, included.' })
  end!: string

  @Field(() => String, { nullable: true, description: 'The station; null where all were asked for together.' })
  stationId!: string | null

  @Field(() => Int, { description: 'How many temperatures there are in it.' })
  count!: number

  @Field(() => Float, { description: 'The lowest of them.' })
  min!: number

  @Field(() => Float, { description: 'The highest of them.' })
  max!: number

  @Field(() => Float, { description: 'Their mean.' })
  mean!: number
}

@ObjectType({ description: 'The rows of the source compared with the rows in the files.' })
export class WeatherVerification implements domain.WeatherVerification {
  @Field(() => Boolean, { description: 'True where every row is in the files exactly once.' })
  ok!: boolean

  @Field(() => SafeInt, { description: 'Rows in the source.' })
  sourceRows!: number

  @Field(() => SafeInt, { description: 'Rows in the files.' })
  storedRows!: number

  @Field(() => SafeInt, { description: 'Rows of the source that no file has.' })
  missing!: number

  @Field(() => SafeInt, { description: 'Rows in the files beyond one for each row of the source.' })
  duplicated!: number

  @Field(() => String, {
    nullable: true,
    description: 'The first gap or double, in a sentence; null where all is well.',
  })
  firstProblem!: string | null
}
