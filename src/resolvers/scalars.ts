import { GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql'
import { GraphQLDateTime, GraphQLSafeInt } from 'graphql-scalars'
import { MillraceError } from '../errors.ts'
import { parseStoragePath } from '../systems/storagePath.ts'

export const DateTime = GraphQLDateTime
export const SafeInt = GraphQLSafeInt

const LEAST_COUNTY_CODE = 1_001
const MOST_COUNTY_CODE = 99_999

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

/** A county code as a user gives it. BAD_USER_INPUT that says what a county code is. */
export function parseCountyCode(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= LEAST_COUNTY_CODE && value <= MOST_COUNTY_CODE) {
    return value
  }
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a county code, the five-digit county FIPS code as an Int from ${LEAST_COUNTY_CODE} to ${MOST_COUNTY_CODE}, but got ${shown(value)}.`,
    { hint: 'The first two digits are the state, the other three the county: 55025 is Dane County, Wisconsin.' },
  )
}

function parsePath(value: unknown): string {
  if (typeof value === 'string') return parseStoragePath(value)
  throw new MillraceError('BAD_USER_INPUT', `Expected a storage path as a String, but got ${shown(value)}.`, {
    hint: 'Write the path in quotes, for example "/hdma-wi-2021.parquet".',
  })
}

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 80)}...` : text
}
