import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { z } from 'zod'
import { MillraceError } from './errors.ts'
import type { FilesSettings } from './files/settings.ts'
import { nearestName } from './nearestName.ts'
import {
  type EngineConfig,
  type InboxConfig,
  type LogConfig,
  type SourceConfig,
  type StorageConfig,
  showEngine,
  showInbox,
  showLog,
  showSource,
  showStorage,
  showWarehouse,
  type WarehouseConfig,
} from './roleUrls.ts'
import type { LogLevel } from './settings/server.ts'
import type { Setting } from './settings/setting.ts'
import { SETTINGS } from './settings.ts'
import { OWN_TRANSFORMS } from './warehouse/transforms/readTransforms.ts'
import type { WeatherSettings } from './weather/settings.ts'

/** Everything that can be set, checked. Folders and files are absolute. */
export interface Config {
  source: SourceConfig
  storage: StorageConfig
  /** Records in partitions. */
  log: LogConfig
  /** SQL over files. */
  engine: EngineConfig
  /** Results. */
  warehouse: WarehouseConfig
  /** Where each day's citizens come from. */
  inbox: InboxConfig
  /** Of a day's rows, those that may be bad, from 0 to 100. */
  citizensBadPercent: number
  /** Tables of the source that are landed with the citizens. */
  citizensTables: string[]
  /** Null: those that come with Millrace. */
  transformsDir: string | null
  /** Null: dates are run when somebody asks. */
  warehouseSchedule: string | null
  warehouseTimeZone: string
  warehouseCatchUpDays: number
  host: string
  /** 0: any free port. */
  port: number
  /** 0: any free port; null: no gRPC. */
  grpcPort: number | null
  dataDir: string
  logLevel: LogLevel
  sourceWaitSeconds: number
  storageWaitSeconds: number
  migrationMemoryMib: number
  encodeThreads: number
  /** A migration of more rows is for Spark, where it can. */
  sparkAboveRows: number
  /** How weather is moved. */
  weather: WeatherSettings
  /** How files are sent and received. */
  files: FilesSettings
  limits: Limits
  introspection: boolean
  graphiql: boolean
}

/** What one GraphQL operation may ask for at most. */
export interface Limits {
  depth: number
  aliases: number
  tokens: number
  cost: number
  bodyBytes: number
}

/** Environment variables by name, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>

export type SettingName = keyof typeof SETTINGS
type SettingValue = string | number | boolean
type Values = { [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> }

const NAMES = Object.keys(SETTINGS) as SettingName[]
const PREFIX = 'MILLRACE_'
/** Read by the harness and the tests. */
const ELSEWHERE = new Set(['MILLRACE_CACHE_DIR', 'MILLRACE_TEST_CLUSTER'])

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

/** The environment as a Config. BAD_USER_INPUT that lists every wrong variable at once. */
export function readConfig(environment: Environment): Config {
  const problems = NAMES.flatMap(name => problemOf(name, environment))
  if (problems.length > 0) throw wrongConfiguration(problems)

  const values = Object.fromEntries(
    NAMES.map(name => [name, SETTINGS[name].schema.parse(written(name, environment))]),
  ) as Values
  const dataDir = resolve(values.MILLRACE_DATA_DIR)
  return {
    source: values.MILLRACE_SOURCE_URL ?? { kind: 'duckdb', file: join(dataDir, 'source.duckdb'), sample: true },
    storage: values.MILLRACE_STORAGE_URL ?? { kind: 'directory', folder: join(dataDir, 'storage') },
    log: readLog(values, dataDir),
    engine: readEngine(values),
    warehouse: values.MILLRACE_WAREHOUSE_URL ?? { kind: 'duckdb', file: join(dataDir, 'warehouse.duckdb') },
    inbox: values.MILLRACE_CITIZENS_URL ?? { kind: 'folder', folder: join(dataDir, 'citizens'), sample: true },
    citizensBadPercent: values.MILLRACE_CITIZENS_BAD_PERCENT,
    citizensTables: values.MILLRACE_CITIZENS_TABLES,
    transformsDir: values.MILLRACE_TRANSFORMS_DIR === '' ? null : resolve(values.MILLRACE_TRANSFORMS_DIR),
    warehouseSchedule: values.MILLRACE_WAREHOUSE_SCHEDULE,
    warehouseTimeZone: values.MILLRACE_WAREHOUSE_TIME_ZONE,
    warehouseCatchUpDays: values.MILLRACE_WAREHOUSE_CATCH_UP_DAYS,
    host: values.MILLRACE_HOST,
    port: values.MILLRACE_PORT,
    grpcPort: values.MILLRACE_GRPC_PORT,
    dataDir,
    logLevel: values.MILLRACE_LOG_LEVEL,
    sourceWaitSeconds: values.MILLRACE_SOURCE_WAIT_SECONDS,
    storageWaitSeconds: values.MILLRACE_STORAGE_WAIT_SECONDS,
    migrationMemoryMib: values.MILLRACE_MIGRATION_MEMORY_MIB,
    encodeThreads: values.MILLRACE_ENCODE_THREADS,
    sparkAboveRows: values.MILLRACE_SPARK_ABOVE_ROWS,
    weather: {
      delaySeconds: values.MILLRACE_WEATHER_DELAY_SECONDS,
      topic: values.MILLRACE_WEATHER_TOPIC,
      replication: values.MILLRACE_WEATHER_REPLICATION,
      batchRows: values.MILLRACE_WEATHER_BATCH_ROWS,
      batchBytes: values.MILLRACE_WEATHER_BATCH_BYTES,
      batchAgeSeconds: values.MILLRACE_WEATHER_BATCH_AGE_SECONDS,
      compactFiles: values.MILLRACE_WEATHER_COMPACT_FILES,
      compactBytes: values.MILLRACE_WEATHER_COMPACT_BYTES,
      keepReplacedSeconds: values.MILLRACE_WEATHER_KEEP_REPLACED_SECONDS,
    },
    files: {
      topicPrefix: values.MILLRACE_FILES_TOPIC_PREFIX,
      replication: values.MILLRACE_FILES_REPLICATION,
      blockBytes: values.MILLRACE_FILES_BLOCK_BYTES,
      compression: values.MILLRACE_FILES_COMPRESSION,
      key: values.MILLRACE_FILES_KEY,
      keyFile: values.MILLRACE_FILES_KEY_FILE === '' ? null : resolve(values.MILLRACE_FILES_KEY_FILE),
      machineId: values.MILLRACE_FILES_MACHINE_ID || ownName(),
      processSeconds: values.MILLRACE_FILES_PROCESS_SECONDS,
      root: resolve(values.MILLRACE_FILES_ROOT || join(dataDir, 'outbox')),
      sink: values.MILLRACE_FILES_SINK || null,
    },
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

/**
 * What to warn of: variables that look like ours and are none, most often a slip of the pen. They are no error, because other programs
 * of the project, and versions to come, have theirs.
 */
export function unknownVariables(environment: Environment): string[] {
  return Object.keys(environment)
    .filter(name => name.startsWith(PREFIX) && !Object.hasOwn(SETTINGS, name) && !ELSEWHERE.has(name))
    .map(name => {
      const near = nearestName(name, NAMES)
      return `${name} is set, but there is no such variable${near ? `; did you mean ${near}?` : '.'}`
    })
}

/** The value of each variable that is in force, without credentials, for people. */
export function describeConfig(config: Config): { name: SettingName; value: string; description: string }[] {
  const values: Record<SettingName, SettingValue> = {
    MILLRACE_SOURCE_URL: showSource(config.source),
    MILLRACE_STORAGE_URL: showStorage(config.storage),
    ...describeLog(config.log),
    MILLRACE_ENGINE_URL: showEngine(config.engine),
    MILLRACE_ENGINE_STORAGE_URL: (config.engine.kind === 'spark' && config.engine.storageUrl) || '',
    MILLRACE_WAREHOUSE_URL: showWarehouse(config.warehouse),
    MILLRACE_CITIZENS_URL: showInbox(config.inbox),
    MILLRACE_CITIZENS_BAD_PERCENT: config.citizensBadPercent,
    MILLRACE_CITIZENS_TABLES: config.citizensTables.join(),
    MILLRACE_TRANSFORMS_DIR: config.transformsDir ?? OWN_TRANSFORMS,
    MILLRACE_WAREHOUSE_SCHEDULE: config.warehouseSchedule ?? 'off',
    MILLRACE_WAREHOUSE_TIME_ZONE: config.warehouseTimeZone,
    MILLRACE_WAREHOUSE_CATCH_UP_DAYS: config.warehouseCatchUpDays,
    MILLRACE_HOST: config.host,
    MILLRACE_PORT: config.port,
    MILLRACE_GRPC_PORT: config.grpcPort ?? 'off',
    MILLRACE_DATA_DIR: config.dataDir,
    MILLRACE_LOG_LEVEL: config.logLevel,
    MILLRACE_SOURCE_WAIT_SECONDS: config.sourceWaitSeconds,
    MILLRACE_STORAGE_WAIT_SECONDS: config.storageWaitSeconds,
    MILLRACE_MIGRATION_MEMORY_MIB: config.migrationMemoryMib,
    MILLRACE_ENCODE_THREADS: config.encodeThreads,
    MILLRACE_SPARK_ABOVE_ROWS: config.sparkAboveRows,
    MILLRACE_WEATHER_DELAY_SECONDS: config.weather.delaySeconds,
    MILLRACE_WEATHER_TOPIC: config.weather.topic,
    MILLRACE_WEATHER_REPLICATION: config.weather.replication,
    MILLRACE_WEATHER_BATCH_ROWS: config.weather.batchRows,
    MILLRACE_WEATHER_BATCH_BYTES: config.weather.batchBytes,
    MILLRACE_WEATHER_BATCH_AGE_SECONDS: config.weather.batchAgeSeconds,
    MILLRACE_WEATHER_COMPACT_FILES: config.weather.compactFiles,
    MILLRACE_WEATHER_COMPACT_BYTES: config.weather.compactBytes,
    MILLRACE_WEATHER_KEEP_REPLACED_SECONDS: config.weather.keepReplacedSeconds,
    MILLRACE_FILES_TOPIC_PREFIX: config.files.topicPrefix,
    MILLRACE_FILES_REPLICATION: config.files.replication ?? 'auto',
    MILLRACE_FILES_BLOCK_BYTES: config.files.blockBytes,
    MILLRACE_FILES_COMPRESSION: config.files.compression,
    MILLRACE_FILES_KEY: config.files.key ? '***' : '',
    MILLRACE_FILES_KEY_FILE: config.files.keyFile ?? '',
    MILLRACE_FILES_MACHINE_ID: config.files.machineId,
    MILLRACE_FILES_PROCESS_SECONDS: config.files.processSeconds,
    MILLRACE_FILES_ROOT: config.files.root,
    MILLRACE_FILES_SINK: config.files.sink ?? '',
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

function readEngine(values: Values): EngineConfig {
  const url = values.MILLRACE_ENGINE_URL ?? { kind: 'duckdb' }
  return url.kind === 'spark' ? { ...url, storageUrl: values.MILLRACE_ENGINE_STORAGE_URL || null } : url
}

/** The host's name, as far as it can be a machine's. */
function ownName(): string {
  return (
    hostname()
      .replaceAll(/[^\w.-]/g, '_')
      .slice(0, 64) || 'machine'
  )
}

function readLog(values: Values, dataDir: string): LogConfig {
  const url = values.MILLRACE_LOG_URL ?? { kind: 'sqlite', file: join(dataDir, 'log.sqlite') }
  if (url.kind === 'sqlite') return { ...url, keepHours: values.MILLRACE_LOG_KEEP_HOURS }
  const { MILLRACE_LOG_USER: user, MILLRACE_LOG_PASSWORD: password, MILLRACE_LOG_TLS_CA: caFile } = values
  return {
    ...(user !== '' && { user, password }),
    ...url,
    saslMechanism: values.MILLRACE_LOG_SASL_MECHANISM,
    tls: values.MILLRACE_LOG_TLS,
    tlsCaFile: caFile === '' ? null : resolve(caFile),
    compression: values.MILLRACE_LOG_COMPRESSION,
  }
}

/** What does not concern the log that is in force is left blank. */
function describeLog(log: LogConfig) {
  const kafka = log.kind === 'kafka' ? log : undefined
  return {
    MILLRACE_LOG_URL: showLog(log),
    MILLRACE_LOG_USER: kafka?.user ?? '',
    MILLRACE_LOG_PASSWORD: kafka?.password ? '***' : '',
    MILLRACE_LOG_SASL_MECHANISM: kafka?.saslMechanism ?? '',
    MILLRACE_LOG_TLS: kafka?.tls ?? '',
    MILLRACE_LOG_TLS_CA: kafka?.tlsCaFile ?? '',
    MILLRACE_LOG_COMPRESSION: kafka?.compression ?? '',
    MILLRACE_LOG_KEEP_HOURS: log.kind === 'sqlite' ? log.keepHours : '',
  }
}

/** The variable that is in force. */
function variableOf(name: SettingName, environment: Environment): string {
  const { override }: { override?: string } = SETTINGS[name]
  return override && environment[override] ? override : name
}

function written(name: SettingName, environment: Environment): string {
  return environment[variableOf(name, environment)] || SETTINGS[name].fallback
}

function problemOf(name: SettingName, environment: Environment): string[] {
  const { expected, schema, secret = false }: Setting<unknown> = SETTINGS[name]
  const value = written(name, environment)
  const result = schema.safeParse(value)
  if (result.success) return []
  const reason = result.error.issues.find(issue => issue.code === 'custom' && issue.params?.reason === true)?.message
  return [
    `${variableOf(name, environment)}: expected ${expected}, but got ${secret ? 'something else' : JSON.stringify(withoutSecrets(value))}${reason ? ` (${reason})` : ''}`,
  ]
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
  return value
    .replace(/^(\w*:?\/{0,2}).*@/s, '$1***@')
    .replace(/((?:password|token|secret)=)[^&]*/gi, '$1***')
    .replace(/(;[^;=]*=)[^;]*/g, '$1***')
}
