import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { type MysqlAddress, parseMysqlUrl, showMysqlAddress } from './datasources/mysqlUrl.ts'
import { formatWebHdfsUrl, parseWebHdfsUrl, type WebHdfsAddress } from './datasources/webhdfs/url.ts'
import { MillraceError } from './errors.ts'
import { nearestName } from './nearestName.ts'

/** Everything that can be set, checked. Folders and files are absolute. */
export interface Config {
  source: SourceConfig
  storage: StorageConfig
  host: string
  /** 0: any free port. */
  port: number
  dataDir: string
  logLevel: LogLevel
  sourceWaitSeconds: number
  migrationMemoryMib: number
  encodeThreads: number
  limits: Limits
  introspection: boolean
  graphiql: boolean
}

export type SourceConfig =
  /** `sample`: where the file is missing, it is made and filled with the synthetic sample. */
  { kind: 'duckdb'; file: string; sample: boolean } | ({ kind: 'mysql' } & MysqlAddress)

export type StorageConfig = { kind: 'directory'; folder: string } | ({ kind: 'webhdfs' } & WebHdfsAddress)

/** What one GraphQL operation may ask for at most. */
export interface Limits {
  depth: number
  aliases: number
  tokens: number
  cost: number
  bodyBytes: number
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Environment variables by name, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>

interface Setting<Value> {
  description: string
  /** Taken where the variable is unset or empty; written as a user would write it. */
  fallback: string
  expected: string
  schema: z.ZodType<Value, string>
}

const setting = <Value>(definition: Setting<Value>): Setting<Value> => definition

const wholeNumber = (least: number, most: number) => ({
  expected: `a whole number from ${least} to ${most}`,
  schema: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most)),
})

const trueOrFalse = { expected: 'true or false', schema: z.stringbool() }

/** Every variable there is, with its default and what it does: the one place for both. */
export const SETTINGS = {
  MILLRACE_SOURCE_URL: setting({
    description:
      'Where the rows come from: mysql://user:password@host:3306/database, or duckdb:<file>. Unset: a DuckDB file in the data directory, filled with a synthetic sample.',
    fallback: '',
    expected: 'mysql://user:password@host:3306/database or duckdb:<file>',
    schema: z.string().transform(parsed(parseSourceUrl)),
  }),
  MILLRACE_STORAGE_URL: setting({
    description:
      'Where the files go: webhdfs://user@namenode:9870 (more NameNodes after commas), or file:<folder>. Unset: the folder "storage" in the data directory.',
    fallback: '',
    expected: 'webhdfs://user@namenode:9870 or file:<folder>',
    schema: z.string().transform(parsed(parseStorageUrl)),
  }),
  MILLRACE_HOST: setting({
    description: 'The address to listen on. Only loopback for now, because there are no access tokens yet.',
    fallback: '127.0.0.1',
    expected:
      'a loopback address, such as 127.0.0.1, ::1 or localhost (anyone who reaches a public one could change data: there are no access tokens yet)',
    schema: z.string().refine(isLoopback),
  }),
  MILLRACE_PORT: setting({
    description: 'The port to listen on; 0 takes any free one.',
    fallback: '4000',
    ...wholeNumber(0, 65_535),
  }),
  MILLRACE_DATA_DIR: setting({
    description:
      "The folder for the server's own files: job history, the embedded source and storage. One server at a time uses it.",
    fallback: './data',
    expected: 'a folder',
    schema: z.string().refine(folder => !folder.includes('\0')),
  }),
  MILLRACE_LOG_LEVEL: setting({
    description: 'The least severe log lines to write.',
    fallback: 'info',
    expected: `one of ${LOG_LEVELS.join(', ')}`,
    schema: z.enum(LOG_LEVELS),
  }),
  MILLRACE_SOURCE_WAIT_SECONDS: setting({
    description: 'How long a migration waits for a database that is still starting.',
    fallback: '120',
    ...wholeNumber(0, 86_400),
  }),
  MILLRACE_MIGRATION_MEMORY_MIB: setting({
    description: 'How much packed but not yet written data a migration may hold in memory, in MiB.',
    fallback: '64',
    ...wholeNumber(16, 65_536),
  }),
  MILLRACE_ENCODE_THREADS: setting({
    description: 'Threads that encode Parquet during a migration.',
    fallback: '1',
    ...wholeNumber(1, 64),
  }),
  MILLRACE_MAX_DEPTH: setting({
    description: 'How deep fields of one GraphQL operation may be nested; introspection is not counted.',
    fallback: '10',
    ...wholeNumber(1, 1_000),
  }),
  MILLRACE_MAX_ALIASES: setting({
    description: 'How many aliases one GraphQL operation may have.',
    fallback: '100',
    ...wholeNumber(0, 100_000),
  }),
  MILLRACE_MAX_TOKENS: setting({
    description: 'How many tokens (names, punctuation, values) one GraphQL document may have.',
    fallback: '4000',
    ...wholeNumber(1, 1_000_000),
  }),
  MILLRACE_MAX_COST: setting({
    description:
      'What one GraphQL operation may cost: 1 a field, 10 a county average, lists times their expected length.',
    fallback: '5000',
    ...wholeNumber(1, 1_000_000_000),
  }),
  MILLRACE_MAX_BODY_BYTES: setting({
    description: 'The largest HTTP body and WebSocket message taken, in bytes.',
    fallback: '262144',
    ...wholeNumber(1_024, 1_073_741_824),
  }),
  MILLRACE_INTROSPECTION: setting({
    description: 'Whether clients may ask for the schema; GraphiQL needs it.',
    fallback: 'true',
    ...trueOrFalse,
  }),
  MILLRACE_GRAPHIQL: setting({
    description: 'Whether a browser at /graphql gets GraphiQL.',
    fallback: 'true',
    ...trueOrFalse,
  }),
}

export type SettingName = keyof typeof SETTINGS
type Values = { [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> }

const NAMES = Object.keys(SETTINGS) as SettingName[]
const PREFIX = 'MILLRACE_'

/** `environment` over the variables of `.env` in `folder`, where there is such a file. */
export function withDotEnv(environment: Environment, folder: string): Environment {
  let text: string
  try {
    text = readFileSync(join(folder, '.env'), 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return environment
    throw new MillraceError('BAD_USER_INPUT', `Expected to read ${join(folder, '.env')}, but could not.`, {
      hint: 'Make the file readable, or remove it.',
      cause,
    })
  }
  return { ...parseEnv(text), ...environment }
}

/** The environment as a Config. BAD_USER_INPUT that lists every wrong and every unknown variable at once. */
export function readConfig(environment: Environment): Config {
  const problems = NAMES.flatMap(name => problemOf(name, environment)).concat(unknownNames(environment))
  if (problems.length > 0) throw wrongConfiguration(problems)

  const values = Object.fromEntries(
    NAMES.map(name => [name, SETTINGS[name].schema.parse(written(name, environment))]),
  ) as Values
  const dataDir = resolve(values.MILLRACE_DATA_DIR)
  return {
    source: values.MILLRACE_SOURCE_URL ?? { kind: 'duckdb', file: join(dataDir, 'source.duckdb'), sample: true },
    storage: values.MILLRACE_STORAGE_URL ?? { kind: 'directory', folder: join(dataDir, 'storage') },
    host: values.MILLRACE_HOST,
    port: values.MILLRACE_PORT,
    dataDir,
    logLevel: values.MILLRACE_LOG_LEVEL,
    sourceWaitSeconds: values.MILLRACE_SOURCE_WAIT_SECONDS,
    migrationMemoryMib: values.MILLRACE_MIGRATION_MEMORY_MIB,
    encodeThreads: values.MILLRACE_ENCODE_THREADS,
    limits: {
      depth: values.MILLRACE_MAX_DEPTH,
      aliases: values.MILLRACE_MAX_ALIASES,
      tokens: values.MILLRACE_MAX_TOKENS,
      cost: values.MILLRACE_MAX_COST,
      bodyBytes: values.MILLRACE_MAX_BODY_BYTES,
    },
    introspection: values.MILLRACE_INTROSPECTION,
    graphiql: values.MILLRACE_GRAPHIQL,
  }
}

/** The value of each variable that is in force, without credentials, for people. */
export function describeConfig(config: Config): { name: SettingName; value: string; description: string }[] {
  const values: Record<SettingName, string | number | boolean> = {
    MILLRACE_SOURCE_URL: showSource(config.source),
    MILLRACE_STORAGE_URL: showStorage(config.storage),
    MILLRACE_HOST: config.host,
    MILLRACE_PORT: config.port,
    MILLRACE_DATA_DIR: config.dataDir,
    MILLRACE_LOG_LEVEL: config.logLevel,
    MILLRACE_SOURCE_WAIT_SECONDS: config.sourceWaitSeconds,
    MILLRACE_MIGRATION_MEMORY_MIB: config.migrationMemoryMib,
    MILLRACE_ENCODE_THREADS: config.encodeThreads,
    MILLRACE_MAX_DEPTH: config.limits.depth,
    MILLRACE_MAX_ALIASES: config.limits.aliases,
    MILLRACE_MAX_TOKENS: config.limits.tokens,
    MILLRACE_MAX_COST: config.limits.cost,
    MILLRACE_MAX_BODY_BYTES: config.limits.bodyBytes,
    MILLRACE_INTROSPECTION: config.introspection,
    MILLRACE_GRAPHIQL: config.graphiql,
  }
  return NAMES.map(name => ({ name, value: String(values[name]), description: SETTINGS[name].description }))
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function written(name: SettingName, environment: Environment): string {
  return environment[name] || SETTINGS[name].fallback
}

function problemOf(name: SettingName, environment: Environment): string[] {
  const { expected, schema } = SETTINGS[name]
  const value = written(name, environment)
  const result = schema.safeParse(value)
  if (result.success) return []
  const reason = result.error.issues.find(issue => issue.code === 'custom' && issue.params?.reason === true)?.message
  return [
    `${name}: expected ${expected}, but got ${JSON.stringify(withoutSecrets(value))}${reason ? ` (${reason})` : ''}`,
  ]
}

function unknownNames(environment: Environment): string[] {
  return Object.keys(environment)
    .filter(name => name.startsWith(PREFIX) && !Object.hasOwn(SETTINGS, name))
    .map(name => {
      const near = nearestName(name, NAMES)
      return `${name}: there is no such variable${near ? `; did you mean ${near}?` : ''}`
    })
}

function wrongConfiguration(problems: string[]): MillraceError {
  const message =
    problems.length === 1
      ? problems[0]!
      : `${problems.length} variables are wrong:\n${problems.map(problem => `- ${problem}`).join('\n')}`
  return new MillraceError('BAD_USER_INPUT', message, {
    hint: 'Correct the environment or .env; "millrace config" prints every variable, its value and what it does.',
  })
}

/** Hides what may be a password, even in a URL too broken to parse. */
function withoutSecrets(value: string): string {
  return value.replace(/^(\w*:?\/{0,2}).*@/s, '$1***@').replace(/((?:password|token|secret)=)[^&]*/gi, '$1***')
}

/** Turns what a parser throws into zod's kind of problem; the empty text is "unset". */
function parsed<Value>(parse: (text: string) => Value) {
  return (text: string, context: z.core.$RefinementCtx<string>): Value | undefined => {
    if (text === '') return undefined
    try {
      return parse(text)
    } catch (error) {
      const reason = error instanceof MillraceError
      context.addIssue({ code: 'custom', message: reason ? error.message : '', params: { reason } })
      return z.NEVER
    }
  }
}

function parseSourceUrl(text: string): SourceConfig {
  if (text.startsWith('mysql:')) return { kind: 'mysql', ...parseMysqlUrl(text) }
  return { kind: 'duckdb', file: parsePath('duckdb:', text), sample: false }
}

function parseStorageUrl(text: string): StorageConfig {
  if (text.startsWith('webhdfs:')) return { kind: 'webhdfs', ...parseWebHdfsUrl(text) }
  return { kind: 'directory', folder: parsePath('file:', text) }
}

/** file:./relative, file:/absolute and file:///absolute alike. */
function parsePath(scheme: string, text: string): string {
  const path = text.slice(scheme.length).replace(/^\/\/(?=\/)/, '')
  if (!text.startsWith(scheme) || path === '' || path.startsWith('//') || path.includes('\0')) {
    throw new TypeError(`no ${scheme} URL`)
  }
  return resolve(path)
}

function showSource(source: SourceConfig): string {
  return source.kind === 'mysql' ? showMysqlAddress(source) : `duckdb:${source.file}`
}

function showStorage(storage: StorageConfig): string {
  return storage.kind === 'webhdfs' ? formatWebHdfsUrl(storage) : `file:${storage.folder}`
}
