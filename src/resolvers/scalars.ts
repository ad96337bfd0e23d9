import { GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql'
import { GraphQLDateTime, GraphQLJSONObject, GraphQLLocalDate, GraphQLSafeInt } from 'graphql-scalars'
import { MillraceError } from '../errors.ts'
import { parseCountyCode } from '../loans/countyCode.ts'
import { shownValue } from '../shownValue.ts'
import { parseStoragePath } from '../systems/storagePath.ts'

export const DateTime = GraphQLDateTime
export const SafeInt = GraphQLSafeInt
export const JSONObject = GraphQLJSONObject

export const CountyCode = new GraphQLScalarType<number, number>({
  name: 'CountyCode',
  description: 'Five-digit county FIPS code, for example 55025. Serialised as an Int.',
  serialize: Number,
  parseValue: parseCountyCode,
  parseLiteral: node => parseCountyCode(node.kind === Kind.INT ? Number(node.value) : valueFromASTUntyped(node)),
})

export const StoragePath = new GraphQLScalarType<string, string>({
  name: 'StoragePath',
  description:
    "Absolute path in the storage, for example /hdma-wi-2021.parquet. No '..', no empty segment, no control character.",
  serialize: String,
  parseValue: parsePath,
  parseLiteral: node => parsePath(valueFromASTUntyped(node)),
})

export const LocalDate = new GraphQLScalarType<string, string>({
  name: 'LocalDate',
  description: 'Calendar date, YYYY-MM-DD.',
  serialize: value => GraphQLLocalDate.serialize(value) as string,
  parseValue: parseDate,
  parseLiteral: node => parseDate(valueFromASTUntyped(node)),
})

function parseDate(value: unknown): string {
  try {
    return GraphQLLocalDate.parseValue(value) as string
  } catch {
    throw new MillraceError('BAD_USER_INPUT', `Expected a calendar date as a String, but got ${shownValue(value)}.`, {
      hint: 'Write the date as year, month and day, for example "2000-01-31".',
    })
  }
}

function parsePath(value: unknown): string {
  if (typeof value === 'string') return parseStoragePath(value)
  throw new MillraceError('BAD_USER_INPUT', `Expected a storage path as a String, but got ${shownValue(value)}.`, {
    hint: 'Write the path in quotes, for example "/hdma-wi-2021.parquet".',
  })
}
