import { BinaryReader } from '@bufbuild/protobuf/wire'
import { type ServiceError, status } from '@grpc/grpc-js'
import { MillraceError } from '../../errors.ts'
import { sqlError } from '../sqlProblem.ts'
import type { SqlPlace } from '../sqlText.ts'
import { type SparkAddress, showSparkAddress } from './url.ts'
import type { ErrorDetails } from './wire.ts'

/** Where a place of the SQL that Spark was given (characters from 0) is in the SQL as its author wrote it; null: nowhere. */
export type FindPlace = (where: { offset: number } | { line: number; column: number }) => SqlPlace | null

/** What went wrong in Spark, in Spark's own words. */
export interface SparkFailure {
  /** For example PATH_NOT_FOUND; empty where Spark has no name for it. */
  errorClass: string
  sqlState: string
  /** Without stack, SQL and error class. */
  said: string
  /** Classes of the exception and of what caused it. */
  javaClasses: string[]
  /** The message of the first cause. */
  rootCause: string
  offset: number | undefined
}

const ENGINE = 'Spark'

/** True for an error of gRPC. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'metadata' in error
}

/** True where the way to the server failed, and not what was asked of it: worth another try. */
export function isConnectionFailure(error: unknown): boolean {
  if (!isServiceError(error)) return false
  const { UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, CANCELLED, UNKNOWN, RESOURCE_EXHAUSTED } = status
  if (error.code === UNAVAILABLE || error.code === DEADLINE_EXCEEDED) return true
  // A connection that breaks, or a server that stops, can look like any of these. What Spark says itself has an id.
  return (
    [INTERNAL, CANCELLED, UNKNOWN, RESOURCE_EXHAUSTED].includes(error.code) &&
    errorIdOf(error) === undefined &&
    error.details.search(/[A-Z_]{5,}/) !== 1
  )
}

/** True where Spark was asked about an operation that it has never heard of, or has forgotten. */
export function isUnknownOperation(error: unknown): boolean {
  return isServiceError(error) && errorInfoOf(error).errorClass === 'INVALID_HANDLE.OPERATION_NOT_FOUND'
}

/** What FetchErrorDetails is asked with; undefined where the error has no details to fetch. */
export function errorIdOf(error: ServiceError): string | undefined {
  return errorInfoOf(error).errorId
}

/** Puts together what Spark tells of an error; the deepest cause that has a name tells most. */
export function readFailure(error: ServiceError, details: ErrorDetails | undefined): SparkFailure {
  const chain = chainOf(details)
  const named = chain.findLast(({ sparkThrowable }) => sparkThrowable?.errorClass) ?? chain[0]
  const info = errorInfoOf(error)
  const message = named?.message ?? error.details
  const offset = chain
    .flatMap(({ sparkThrowable }) => sparkThrowable?.queryContexts ?? [])
    .find(({ fragment }) => fragment)
  return {
    errorClass: named?.sparkThrowable?.errorClass ?? info.errorClass ?? /^\[([A-Z_.]+)\]/.exec(message)?.[1] ?? '',
    sqlState: named?.sparkThrowable?.sqlState ?? info.sqlState ?? '',
    said: message,
    javaClasses: chain.flatMap(({ errorTypeHierarchy }) => errorTypeHierarchy?.[0] ?? []),
    rootCause: chain.at(-1)?.message ?? message,
    offset: offset && (offset.startIndex ?? 0),
  }
}

/** A MillraceError for what a call to Spark threw; an error that means nothing to users comes back as it is. */
export function explainSparkError(
  error: ServiceError,
  details: ErrorDetails | undefined,
  address: SparkAddress,
  findPlace: FindPlace,
): unknown {
  if (error.code === status.UNAUTHENTICATED || error.code === status.PERMISSION_DENIED) return refused(error, address)
  if (error.code === status.UNAVAILABLE && /certificate|altnames/i.test(error.details)) return untrusted(error, address)
  if (isConnectionFailure(error)) return noAnswer(error, address)
  const failure = readFailure(error, details)
  const { errorClass } = failure
  const said = plainMessage(failure.said)
  const cause = { cause: error }
  if (/^(?:INVALID_HANDLE|SESSION_|OPERATION_NOT_FOUND|INVALID_CURSOR|SPARK_CONNECT_SESSION)/.test(errorClass)) {
    return new MillraceError('UNAVAILABLE', `Spark at ${showSparkAddress(address)} has lost the session: ${said}`, {
      hint: 'It was restarted, or the session was idle for too long: repeat.',
      ...cause,
    })
  }
  if (/^(?:PATH_NOT_FOUND|FAILED_READ_FILE\.FILE_NOT_EXIST|LOAD_DATA_PATH_NOT_EXISTS)/.test(errorClass)) {
    return new MillraceError('NOT_FOUND', `Spark: ${said}`, cause)
  }
  if (errorClass === 'PATH_ALREADY_EXISTS') return new MillraceError('CONFLICT', `Spark: ${said}`, cause)
  if (errorClass.startsWith('OPERATION_CANCELED')) return new MillraceError('CANCELLED', `Spark: ${said}`, cause)
  const ofDatabase = databaseError(failure, cause)
  if (ofDatabase) return ofDatabase
  if (isAboutTheQuery(failure)) {
    return sqlError(ENGINE, { said, errorClass: errorClass || null, place: placeIn(failure, findPlace) }, cause)
  }
  if (isAboutTheCluster(failure)) {
    return new MillraceError('UNAVAILABLE', `Spark at ${showSparkAddress(address)} could not finish: ${said}`, {
      hint: "A worker or the storage may have failed: see Spark's web page, then repeat.",
      ...cause,
    })
  }
  return error
}

export function noAnswer(error: Error, address: SparkAddress): MillraceError {
  const detail = isServiceError(error) ? error.details : error.message
  return new MillraceError('UNAVAILABLE', `Spark at ${showSparkAddress(address)} does not answer (${detail}).`, {
    hint: 'Check that the Spark Connect server runs and is reachable, then repeat.',
    cause: error,
  })
}

function refused(error: ServiceError, address: SparkAddress): MillraceError {
  return new MillraceError('FORBIDDEN', `Spark at ${showSparkAddress(address)} refused the token (${error.details}).`, {
    hint: 'Check token=... in MILLRACE_ENGINE_URL.',
    cause: error,
  })
}

function untrusted(error: ServiceError, address: SparkAddress): MillraceError {
  return new MillraceError(
    'FORBIDDEN',
    `Spark at ${showSparkAddress(address)} has no certificate that can be trusted (${error.details}).`,
    {
      hint: "Name the file of its authority's certificate in NODE_EXTRA_CA_CERTS; the host must be as in the certificate.",
      cause: error,
    },
  )
}

/** Of a database that Spark was to read. */
function databaseError({ errorClass, javaClasses, rootCause }: SparkFailure, cause: object): MillraceError | undefined {
  const threw = (pattern: RegExp) => javaClasses.some(name => pattern.test(name))
  if (threw(/ClassNotFoundException$/)) {
    return new MillraceError(
      'BAD_USER_INPUT',
      `Spark has no class ${rootCause}, with which it would read the database.`,
      {
        hint: "Give the jar of MariaDB's JDBC driver (org.mariadb.jdbc:mariadb-java-client) to Spark's Connect server and its executors.",
        ...cause,
      },
    )
  }
  if (!errorClass.startsWith('FAILED_JDBC') && !threw(/\.SQL\w*Exception$/)) return undefined
  if (threw(/SQLInvalidAuthorizationSpecException$/)) {
    return new MillraceError('FORBIDDEN', `The database does not let Spark in: ${rootCause}`, {
      hint: 'The user of MILLRACE_SOURCE_URL must be allowed to log in from the machines of Spark.',
      ...cause,
    })
  }
  return new MillraceError('UNAVAILABLE', `Spark could not read the database: ${rootCause}`, {
    hint: 'The host in MILLRACE_SOURCE_URL must be reachable from the machines of Spark under that name; then repeat.',
    ...cause,
  })
}

/** SQLSTATE classes: data, syntax and names, features, cardinality. */
function isAboutTheQuery({ errorClass, sqlState, javaClasses }: SparkFailure): boolean {
  if (/^(?:07|0A|21|22|23|2F|42)/.test(sqlState)) return true
  if (/^(?:FAILED_READ_FILE|MALFORMED|CANNOT_READ_FILE_FOOTER|FAILED_TO_PARSE|CANNOT_MERGE_SCHEMAS)/.test(errorClass))
    return !isDamage(javaClasses)
  return javaClasses.some(name => /\.(?:ParseException|AnalysisException)$/.test(name))
}

function isAboutTheCluster({ javaClasses, said }: SparkFailure): boolean {
  return (
    isDamage(javaClasses) ||
    javaClasses.some(name =>
      /(?:IOException|ConnectException|SocketException|TimeoutException|OutOfMemoryError|RpcException|StandbyException)$/.test(
        name,
      ),
    ) ||
    /ExecutorLostFailure|Job aborted|SparkContext was shut down|Stage cancelled/.test(said)
  )
}

/** Blocks of a file that HDFS has but cannot give now. */
function isDamage(javaClasses: readonly string[]): boolean {
  return javaClasses.some(name =>
    /(?:BlockMissingException|ChecksumException|ConnectException|NoRouteToHostException)$/.test(name),
  )
}

function placeIn({ said, offset }: SparkFailure, findPlace: FindPlace): SqlPlace | null {
  if (offset !== undefined) return findPlace({ offset })
  const [, line, column] = /\(line (\d+), pos (\d+)\)/.exec(said) ?? []
  return line === undefined ? null : findPlace({ line: Number(line), column: Number(column) + 1 })
}

/** Spark adds places and the SQL, with carets under it, in terms of what it was given. */
function plainMessage(message: string): string {
  return message
    .replace(/\n\n?== (?:SQL|DataFrame)[\s\S]*$/, '')
    .replace(/;? ?\bline \d+,? pos \d+;?/g, '')
    .replace(/ ?\(\)/g, '')
    .replace(/;\n['\s+:-][\s\S]*$/, '')
    .trim()
}

type ErrorLink = NonNullable<ErrorDetails['errors']>[number]

/** From the error to its deepest cause. */
function chainOf(details: ErrorDetails | undefined): ErrorLink[] {
  const errors = details?.errors ?? []
  const chain: ErrorLink[] = []
  let index = errors.length > 0 ? (details?.rootErrorIdx ?? 0) : undefined
  while (index !== undefined && chain.length < errors.length) {
    const link: ErrorLink | undefined = errors[index]
    if (!link) break
    chain.push(link)
    index = link.causeIdx
  }
  return chain
}

/** The metadata of google.rpc.ErrorInfo, which comes in a google.rpc.Status: {details: 3 {value: 2 {metadata: 3 {key: 1, value: 2}}}}. */
function errorInfoOf(error: ServiceError): Record<string, string> {
  const [trailer] = error.metadata.get('grpc-status-details-bin')
  if (!Buffer.isBuffer(trailer)) return {}
  const entries = fieldsOf(trailer, 3)
    .flatMap(detail => fieldsOf(detail, 2))
    .flatMap(info => fieldsOf(info, 3))
  return Object.fromEntries(
    entries.map(
      entry => [1, 2].map(number => Buffer.from(fieldsOf(entry, number)[0] ?? []).toString()) as [string, string],
    ),
  )
}

/** The values of one field of a protobuf message, as bytes. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message)
  const values: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (number === wanted && type === 2) values.push(reader.bytes())
    else reader.skip(type, number)
  }
  return values
}
