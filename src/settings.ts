import { z } from 'zod'
import { COMPRESSIONS, SASL_MECHANISMS } from './datasources/kafka/address.ts'
import { MillraceError } from './errors.ts'
import { parseSealKey } from './files/sealKey.ts'
import { BLOCK_BYTES, FILE_COMPRESSIONS } from './files/settings.ts'
import {
  parseEngineUrl,
  parseInboxUrl,
  parseLogUrl,
  parseSourceUrl,
  parseStorageUrl,
  parseWarehouseUrl,
} from './roleUrls.ts'
import { scheduleProblem } from './warehouse/schedule.ts'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Setting<Value> {
  description: string
  /** Taken where the variable is unset or empty; written as a user would write it. */
  fallback: string
  /** A variable of the original that is honoured too, and wins. */
  override?: string
  /** Never shown, not even where it is wrong. */
  secret?: boolean
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

const seconds = (least: number, most: number) => ({
  expected: `seconds from ${least} to ${most}, such as 0.5`,
  schema: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,9})?$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most)),
})

const PORT = wholeNumber(0, 65_535)
const COPIES = wholeNumber(1, 100)

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
  MILLRACE_ENGINE_URL: setting({
    description:
      'What runs SQL over the files of the storage: sc://spark:15002/;token=... (Spark Connect), or duckdb:. Unset: DuckDB inside the server.',
    fallback: '',
    expected: 'sc://host:15002/;token=... or duckdb:',
    schema: z.string().transform(parsed(parseEngineUrl)),
  }),
  MILLRACE_ENGINE_STORAGE_URL: setting({
    description:
      'How Spark names the root of the storage: hdfs://namenode:9000, or file:///folder. Unset: asked of the NameNode, or the folder of the storage.',
    fallback: '',
    expected: 'hdfs://namenode:9000 or file:///folder',
    schema: z.string().regex(/^(?:hdfs:\/\/[\w.:[\]-]+(?:\/[^?#]*)?|file:\/\/\/[^?#]*)?$/),
  }),
  MILLRACE_WAREHOUSE_URL: setting({
    description:
      'Where results go: postgres://user:password@host:5432/database, or duckdb:<file>. Unset: the file warehouse.duckdb in the data directory.',
    fallback: '',
    expected: 'postgres://user:password@host:5432/database or duckdb:<file>',
    schema: z.string().transform(parsed(parseWarehouseUrl)),
  }),
  MILLRACE_CITIZENS_URL: setting({
    description:
      'Where each day\'s citizens are left for us, as dt=YYYY-MM-DD/citizens_data.csv below file:<folder> or http(s)://user:password@host/path. Unset: the folder "citizens" in the data directory, in which a day that is missing is made as a synthetic sample.',
    fallback: '',
    expected: 'file:<folder>, or http:// or https:// and a path',
    schema: z.string().transform(parsed(parseInboxUrl)),
  }),
  MILLRACE_CITIZENS_BAD_PERCENT: setting({
    description: "The share of a day's rows, in percent, that may be bad and kept aside; a file with more is refused.",
    fallback: '1',
    expected: 'a number from 0 to 100, such as 0.5',
    schema: z
      .string()
      .regex(/^\d{1,3}(\.\d{1,6})?$/)
      .transform(Number)
      .pipe(z.number().max(100)),
  }),
  MILLRACE_CITIZENS_TABLES: setting({
    description: 'Tables of the source that are landed with the citizens of each day, with commas between them.',
    fallback: 'regions,occupations',
    expected: 'names of lower case letters, digits and "_", with commas between them',
    schema: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,47}(,[a-z_][a-z0-9_]{0,47})*$/)
      .transform(names => [...new Set(names.split(','))]),
  }),
  MILLRACE_TRANSFORMS_DIR: setting({
    description: 'The folder of .sql files, one for each result table. Unset: those that come with Millrace.',
    fallback: '',
    expected: 'a folder',
    schema: z.string().refine(folder => !folder.includes('\0')),
  }),
  MILLRACE_WAREHOUSE_SCHEDULE: setting({
    description:
      'When the server runs the day before for the warehouse by itself, as cron says it: "0 3 * * *" is every day at three. Dates that were missed are caught up.',
    fallback: 'off',
    expected: 'off, or five fields of cron such as 0 3 * * *',
    schema: z
      .string()
      .refine(pattern => pattern === 'off' || scheduleProblem({ pattern, timeZone: 'UTC' }) === null)
      .transform(pattern => (pattern === 'off' ? null : pattern)),
  }),
  MILLRACE_WAREHOUSE_TIME_ZONE: setting({
    description: 'The time zone of the schedule, and of what the day before is.',
    fallback: 'UTC',
    expected: 'a time zone such as Europe/Berlin',
    schema: z.string().refine(timeZone => scheduleProblem({ pattern: '0 0 * * *', timeZone }) === null),
  }),
  MILLRACE_WAREHOUSE_CATCH_UP_DAYS: setting({
    description: 'How many days back the schedule still runs a date that is missing.',
    fallback: '7',
    ...wholeNumber(1, 3_660),
  }),
  MILLRACE_LOG_URL: setting({
    description:
      'Where records are kept in partitions: kafka://user:password@broker:9092 (more brokers after commas), or sqlite:<file>. Unset: the file log.sqlite in the data directory.',
    fallback: '',
    expected: 'kafka://broker:9092 or sqlite:<file>',
    schema: z.string().transform(parsed(parseLogUrl)),
  }),
  MILLRACE_LOG_USER: setting({
    description: 'The user for Kafka, where MILLRACE_LOG_URL has none. Unset: no authentication.',
    fallback: '',
    expected: 'a user name',
    schema: z.string(),
  }),
  MILLRACE_LOG_PASSWORD: setting({
    description: 'The password of MILLRACE_LOG_USER.',
    fallback: '',
    expected: 'a password',
    schema: z.string(),
  }),
  MILLRACE_LOG_SASL_MECHANISM: setting({
    description: 'How the user is proved to Kafka; PLAIN sends the password as it is and wants MILLRACE_LOG_TLS=true.',
    fallback: 'SCRAM-SHA-512',
    expected: `one of ${SASL_MECHANISMS.join(', ')}`,
    schema: z
      .string()
      .transform(name => name.toUpperCase())
      .pipe(z.enum(SASL_MECHANISMS)),
  }),
  MILLRACE_LOG_TLS: setting({
    description: 'Whether to speak TLS to Kafka; the names of the brokers must be in their certificates.',
    fallback: 'false',
    ...trueOrFalse,
  }),
  MILLRACE_LOG_TLS_CA: setting({
    description:
      "A file with the certificates of authorities that sign Kafka's, in PEM. Unset: those that Node trusts.",
    fallback: '',
    expected: 'a file',
    schema: z.string().refine(file => !file.includes('\0')),
  }),
  MILLRACE_LOG_COMPRESSION: setting({
    description: 'How records are compressed on their way to Kafka and in it.',
    fallback: 'none',
    expected: `one of ${COMPRESSIONS.join(', ')}`,
    schema: z.enum(COMPRESSIONS),
  }),
  MILLRACE_LOG_KEEP_HOURS: setting({
    description: 'How long the embedded log keeps records; Kafka has settings of its own.',
    fallback: '168',
    ...wholeNumber(1, 876_000),
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
    ...PORT,
  }),
  MILLRACE_GRPC_PORT: setting({
    description: 'The port of the gRPC service in schema/lender.proto, on the same address; 0 takes any free one.',
    fallback: 'off',
    expected: `off, or ${PORT.expected}`,
    schema: z.union([z.literal('off').transform(() => null), PORT.schema]),
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
  MILLRACE_STORAGE_WAIT_SECONDS: setting({
    description: 'How long a migration waits for a storage that is starting, in safe mode or fails over.',
    fallback: '60',
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
  MILLRACE_SPARK_ABOVE_ROWS: setting({
    description:
      'A migration of loans with more rows runs on Spark, where Spark is the engine, the source is MySQL and nobody says otherwise.',
    fallback: '5000000',
    ...wholeNumber(0, 999_999_999_999),
  }),
  MILLRACE_WEATHER_DELAY_SECONDS: setting({
    description:
      'How long the weather generator waits after each day that it makes; AUTOGRADER_DELAY_OVERRIDE_VAL, where set, wins.',
    fallback: '0.1',
    override: 'AUTOGRADER_DELAY_OVERRIDE_VAL',
    ...seconds(0, 86_400),
  }),
  MILLRACE_WEATHER_TOPIC: setting({
    description: 'The topic of the log that weather goes through.',
    fallback: 'temperatures',
    expected: 'up to 249 letters, digits, ".", "_" and "-"',
    schema: z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/),
  }),
  MILLRACE_WEATHER_REPLICATION: setting({
    description: 'On how many brokers each weather record is kept, where the topic has to be made.',
    fallback: '1',
    ...COPIES,
  }),
  MILLRACE_WEATHER_BATCH_ROWS: setting({
    description: 'A weather file is closed when it has so many rows.',
    fallback: '100000',
    ...wholeNumber(1, 10_000_000),
  }),
  MILLRACE_WEATHER_BATCH_BYTES: setting({
    description: 'A weather file is closed when its records had so many bytes in the log.',
    fallback: '8388608',
    ...wholeNumber(1, 1_073_741_824),
  }),
  MILLRACE_WEATHER_BATCH_AGE_SECONDS: setting({
    description: 'A weather file is closed so long after its first row came, however few there are.',
    fallback: '1',
    ...seconds(0.01, 86_400),
  }),
  MILLRACE_WEATHER_COMPACT_FILES: setting({
    description: 'So many small weather files of one partition are merged by themselves.',
    fallback: '16',
    ...wholeNumber(2, 100_000),
  }),
  MILLRACE_WEATHER_COMPACT_BYTES: setting({
    description: 'How large merged weather files become, in bytes.',
    fallback: '134217728',
    ...wholeNumber(1_024, 1_073_741_824),
  }),
  MILLRACE_WEATHER_KEEP_REPLACED_SECONDS: setting({
    description: 'How long weather files stay after they were merged, for readers who have begun with them.',
    fallback: '900',
    ...wholeNumber(0, 31_536_000),
  }),
  MILLRACE_FILES_TOPIC_PREFIX: setting({
    description: 'What the topics of the file distribution have before their names, so that several can share one log.',
    fallback: '',
    expected: 'up to 200 letters, digits, ".", "_" and "-"',
    schema: z.string().regex(/^[A-Za-z0-9._-]{0,200}$/),
  }),
  MILLRACE_FILES_REPLICATION: setting({
    description:
      'On how many brokers each chunk is kept, where the topics have to be made; auto is three, or as many as there are.',
    fallback: 'auto',
    expected: `auto, or ${COPIES.expected}`,
    schema: z.union([z.literal('auto').transform(() => null), COPIES.schema]),
  }),
  MILLRACE_FILES_BLOCK_BYTES: setting({
    description: 'How long the blocks are in which files are sent.',
    fallback: '134217728',
    ...wholeNumber(BLOCK_BYTES.least, BLOCK_BYTES.most),
  }),
  MILLRACE_FILES_COMPRESSION: setting({
    description: 'How the chunks of files are compressed before they are sealed and sent.',
    fallback: 'none',
    expected: `one of ${FILE_COMPRESSIONS.join(', ')}`,
    schema: z.enum(FILE_COMPRESSIONS),
  }),
  MILLRACE_FILES_KEY: setting({
    description:
      'What the chunks of files are sealed with (AES-256-GCM): 32 bytes in base64 or hexadecimal, the same for all senders and receivers. Unset: they are not, unless MILLRACE_FILES_KEY_FILE is set.',
    fallback: '',
    secret: true,
    expected: '32 bytes in base64 or hexadecimal, such as "openssl rand -base64 32" prints',
    schema: z
      .string()
      .refine(text => text === '' || parseSealKey(text) !== undefined)
      .transform(text => parseSealKey(text) ?? null),
  }),
  MILLRACE_FILES_KEY_FILE: setting({
    description: 'A file with the key, where MILLRACE_FILES_KEY is unset.',
    fallback: '',
    expected: 'a file',
    schema: z.string().refine(file => !file.includes('\0')),
  }),
  MILLRACE_FILES_MACHINE_ID: setting({
    description: 'What this machine calls itself among senders and receivers. Unset: its host name.',
    fallback: '',
    expected: 'up to 64 letters, digits, ".", "_" and "-"',
    schema: z.string().regex(/^[\w.-]{0,64}$/),
  }),
  MILLRACE_FILES_PROCESS_SECONDS: setting({
    description: "How long a receiver's processor may take for one block.",
    fallback: '300',
    ...seconds(0.01, 86_400),
  }),
  MILLRACE_FILES_ROOT: setting({
    description:
      'The API sends folders below this one only: whoever may call sendFiles must not get at every file of the server. Unset: the folder "outbox" in the data directory.',
    fallback: '',
    expected: 'a folder',
    schema: z.string().refine(folder => !folder.includes('\0')),
  }),
  MILLRACE_FILES_SINK: setting({
    description:
      'The folder of the storage in which received blocks are put together as files. Unset: they stay with their receivers only.',
    fallback: '',
    expected: 'an absolute path of the storage, such as /received',
    schema: z.string().regex(/^(?:\/(?!\/)[^\0]*)?$/),
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
    description: 'The largest HTTP body, WebSocket message and gRPC message taken, in bytes.',
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

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
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
