import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { describeConfig, readConfig, unknownVariables, withDotEnv } from '../src/config.ts'
import { MillraceError } from '../src/errors.ts'
import { SETTINGS } from '../src/settings.ts'

function problemOf(environment: Record<string, string>): string {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'BAD_USER_INPUT') return error.message
    throw error
  }
  throw new Error('expected this environment to be refused')
}

test('nothing set: everything embedded, on loopback', () => {
  expect(readConfig({})).toEqual({
    source: { kind: 'duckdb', file: resolve('data/source.duckdb'), sample: true },
    storage: { kind: 'directory', folder: resolve('data/storage') },
    log: { kind: 'sqlite', file: resolve('data/log.sqlite'), keepHours: 168 },
    engine: { kind: 'duckdb' },
    warehouse: { kind: 'duckdb', file: resolve('data/warehouse.duckdb') },
    inbox: { kind: 'folder', folder: resolve('data/citizens'), sample: true },
    citizensBadPercent: 1,
    citizensTables: ['regions', 'occupations'],
    transformsDir: null,
    warehouseSchedule: null,
    warehouseTimeZone: 'UTC',
    warehouseCatchUpDays: 7,
    host: '127.0.0.1',
    port: 4000,
    grpcPort: null,
    dataDir: resolve('data'),
    logLevel: 'info',
    sourceWaitSeconds: 120,
    storageWaitSeconds: 60,
    migrationMemoryMib: 80,
    encodeThreads: 1,
    sparkAboveRows: 5_000_000,
    weather: {
      delaySeconds: 0.1,
      topic: 'temperatures',
      replication: 1,
      batchRows: 100_000,
      batchBytes: 8_388_608,
      batchAgeSeconds: 1,
      compactFiles: 16,
      compactBytes: 134_217_728,
      keepReplacedSeconds: 900,
    },
    files: {
      topicPrefix: '',
      replication: null,
      blockBytes: 134_217_728,
      compression: 'none',
      key: null,
      keyFile: null,
      machineId: expect.stringMatching(/^[\w.-]{1,64}$/) as string,
      processSeconds: 300,
      root: resolve('data/outbox'),
      sink: null,
    },
    limits: { depth: 10, aliases: 100, tokens: 4000, cost: 5000, bodyBytes: 262_144 },
    introspection: true,
    graphiql: true,
  })
})

test('Kafka is a URL, and variables for how to speak to it', () => {
  expect(readConfig({ MILLRACE_LOG_URL: 'kafka://one:9092,two' }).log).toEqual({
    kind: 'kafka',
    brokers: ['one:9092', 'two:9092'],
    saslMechanism: 'SCRAM-SHA-512',
    tls: false,
    tlsCaFile: null,
    compression: 'none',
  })
  const secured = {
    MILLRACE_LOG_URL: 'kafka://one:9093',
    MILLRACE_LOG_USER: 'app',
    MILLRACE_LOG_PASSWORD: 'hunter2',
    MILLRACE_LOG_SASL_MECHANISM: 'plain',
    MILLRACE_LOG_TLS: 'true',
    MILLRACE_LOG_TLS_CA: 'ca.pem',
    MILLRACE_LOG_COMPRESSION: 'zstd',
  }
  expect(readConfig(secured).log).toEqual({
    kind: 'kafka',
    brokers: ['one:9093'],
    user: 'app',
    password: 'hunter2',
    saslMechanism: 'PLAIN',
    tls: true,
    tlsCaFile: resolve('ca.pem'),
    compression: 'zstd',
  })
  expect(JSON.stringify(describeConfig(readConfig(secured)))).not.toContain('hunter2')
  expect(readConfig({ ...secured, MILLRACE_LOG_URL: 'kafka://me:p%40ss@one' }).log).toMatchObject({
    user: 'me',
    password: 'p@ss',
  })
})

test.each(['sqlite:./log', `sqlite:${resolve('log')}`])('%s is an embedded log', url => {
  expect(readConfig({ MILLRACE_LOG_URL: url }).log).toMatchObject({ kind: 'sqlite', file: resolve('log') })
})

test.each([
  ['MILLRACE_LOG_URL', 'kafka://', '"" as a broker'],
  ['MILLRACE_LOG_URL', 'kafka://host:0', 'the port "0" after host'],
  ['MILLRACE_LOG_URL', 'kafka://a,b,a', 'a:9092 twice'],
  ['MILLRACE_LOG_URL', 'kafka://a/topic', 'a "/", "?" or "#"'],
  ['MILLRACE_LOG_URL', 'kafka://:secret@a', 'no user before "@"'],
  ['MILLRACE_LOG_URL', 'redis://a', 'expected kafka://broker:9092 or sqlite:<file>'],
  ['MILLRACE_LOG_SASL_MECHANISM', 'GSSAPI', 'one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512'],
  ['MILLRACE_LOG_COMPRESSION', 'brotli', 'one of none, gzip, snappy, lz4, zstd'],
  ['MILLRACE_LOG_KEEP_HOURS', '0', 'from 1 to'],
])('%s=%s is refused, without a secret', (name, value, message) => {
  const problem = problemOf({ [name]: value })
  expect(problem).toContain(message)
  expect(problem).not.toContain('secret')
})

test('the delay of the weather generator is also taken from the variable of the original, which wins', () => {
  const delay = (environment: Record<string, string>) => readConfig(environment).weather.delaySeconds
  expect(delay({ MILLRACE_WEATHER_DELAY_SECONDS: '0.025' })).toBe(0.025)
  expect(delay({ AUTOGRADER_DELAY_OVERRIDE_VAL: '0.01', MILLRACE_WEATHER_DELAY_SECONDS: '3' })).toBe(0.01)
  expect(delay({ AUTOGRADER_DELAY_OVERRIDE_VAL: '', MILLRACE_WEATHER_DELAY_SECONDS: '0' })).toBe(0)
  expect(problemOf({ AUTOGRADER_DELAY_OVERRIDE_VAL: 'soon' })).toBe(
    'AUTOGRADER_DELAY_OVERRIDE_VAL: expected seconds from 0 to 86400, such as 0.5, but got "soon"',
  )
})

test.each([
  ['MILLRACE_WEATHER_DELAY_SECONDS', '-1'],
  ['MILLRACE_WEATHER_DELAY_SECONDS', '1e3'],
  ['MILLRACE_WEATHER_TOPIC', 'two words'],
  ['MILLRACE_WEATHER_TOPIC', '..'],
  ['MILLRACE_WEATHER_REPLICATION', '0'],
  ['MILLRACE_WEATHER_BATCH_AGE_SECONDS', '0'],
  ['MILLRACE_WEATHER_COMPACT_FILES', '1'],
  ['MILLRACE_FILES_TOPIC_PREFIX', 'a/b'],
  ['MILLRACE_FILES_REPLICATION', '0'],
  ['MILLRACE_FILES_BLOCK_BYTES', '128MiB'],
  ['MILLRACE_FILES_COMPRESSION', 'snappy'],
  ['MILLRACE_FILES_MACHINE_ID', 'two words'],
  ['MILLRACE_FILES_PROCESS_SECONDS', '0'],
  ['MILLRACE_FILES_SINK', 'relative'],
  ['MILLRACE_CITIZENS_URL', 'ftp://host/folder'],
  ['MILLRACE_CITIZENS_BAD_PERCENT', '101'],
  ['MILLRACE_CITIZENS_BAD_PERCENT', 'few'],
  ['MILLRACE_CITIZENS_TABLES', 'regions; DROP TABLE loans'],
  ['MILLRACE_WAREHOUSE_SCHEDULE', 'daily'],
  ['MILLRACE_WAREHOUSE_TIME_ZONE', 'Atlantis'],
  ['MILLRACE_WAREHOUSE_CATCH_UP_DAYS', '0'],
])('%s=%s is refused', (name, value) => {
  expect(problemOf({ [name]: value })).toContain(name)
})

test('files are sealed with a key in base64 or hexadecimal, which is never shown', () => {
  const key = Buffer.from('canary'.padEnd(32, '!'))
  const texts = [key.toString('base64'), key.toString('base64url'), key.toString('hex')]
  for (const text of texts) {
    const config = readConfig({ MILLRACE_FILES_KEY: text })
    expect(config.files.key).toEqual(key)
    expect(describeConfig(config)).toContainEqual(expect.objectContaining({ name: 'MILLRACE_FILES_KEY', value: '***' }))
    const problem = problemOf({ MILLRACE_FILES_KEY: text.slice(0, -2) })
    expect(problem).toContain('MILLRACE_FILES_KEY: expected 32 bytes in base64 or hexadecimal')
    expect(problem).not.toContain(text.slice(0, 8))
  }
})

test('citizens come from a folder or a web server, whose credentials are not shown', () => {
  expect(readConfig({ MILLRACE_CITIZENS_URL: 'file:./drop' }).inbox).toEqual({
    kind: 'folder',
    folder: resolve('drop'),
    sample: false,
  })
  const config = readConfig({ MILLRACE_CITIZENS_URL: 'https://ann:canary@host/drop' })
  expect(config.inbox).toEqual({ kind: 'http', url: 'https://ann:canary@host/drop' })
  expect(JSON.stringify(describeConfig(config))).not.toContain('canary')
  expect(describeConfig(config)).toContainEqual(expect.objectContaining({ value: 'https://host/drop' }))
})

test('the cluster is two URLs', () => {
  const { source, storage } = readConfig({
    MILLRACE_SOURCE_URL: 'mysql://root:abc@mysql:3306/CS544',
    MILLRACE_STORAGE_URL: 'webhdfs://root@nn1:9870,nn2:9870',
  })
  expect(source).toEqual({
    kind: 'mysql',
    host: 'mysql',
    port: 3306,
    user: 'root',
    password: 'abc',
    database: 'CS544',
    tls: false,
  })
  expect(storage).toEqual({ kind: 'webhdfs', nameNodes: ['nn1:9870', 'nn2:9870'], user: 'root', root: '/' })
})

test('the embedded source and storage follow the data directory; an empty variable counts as unset', () => {
  const { source, storage } = readConfig({ MILLRACE_DATA_DIR: '/srv/millrace', MILLRACE_STORAGE_URL: '' })
  expect(source).toMatchObject({ file: '/srv/millrace/source.duckdb', sample: true })
  expect(storage).toMatchObject({ folder: '/srv/millrace/storage' })
})

test.each(['file:./files', `file:${resolve('files')}`, `file://${resolve('files')}`])('%s is a folder', url => {
  expect(readConfig({ MILLRACE_STORAGE_URL: url }).storage).toEqual({ kind: 'directory', folder: resolve('files') })
})

test.each([
  ['MILLRACE_PORT', '65536', 'expected a whole number from 0 to 65535, but got "65536"'],
  ['MILLRACE_PORT', '4e3', 'but got "4e3"'],
  ['MILLRACE_GRPC_PORT', 'on', 'expected off, or a whole number from 0 to 65535, but got "on"'],
  ['MILLRACE_LOG_LEVEL', 'loud', 'expected one of trace, debug, info, warn, error, fatal, silent, but got "loud"'],
  ['MILLRACE_GRAPHIQL', 'maybe', 'expected true or false, but got "maybe"'],
  [
    'MILLRACE_STORAGE_URL',
    's3://bucket',
    'expected webhdfs://user@namenode:9870 or file:<folder>, but got "s3://bucket"',
  ],
  ['MILLRACE_SOURCE_URL', 'mysql://root@host', 'got no database'],
  ['MILLRACE_HOST', '0.0.0.0', 'there are no access tokens yet'],
  ['MILLRACE_HOST', '::', 'expected a loopback address'],
])('%s=%s is refused with what was expected and what came', (name, value, message) => {
  const problem = problemOf({ [name]: value })
  expect(problem).toContain(`${name}: `)
  expect(problem).toContain(message)
})

test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('%s is a loopback address', host => {
  expect(readConfig({ MILLRACE_HOST: host }).host).toBe(host)
})

test('all problems are told at once', () => {
  const problem = problemOf({ MILLRACE_ENCODE_THREADS: '0', MILLRACE_LOG_LEVEL: 'x' })
  expect(problem).toMatch(/^2 variables are wrong:\n- /)
  expect(problem).toContain('MILLRACE_ENCODE_THREADS: expected a whole number from 1 to 64')
})

test('a variable that looks like ours and is none is warned of, with the one it may mean', () => {
  expect(
    unknownVariables({ MILLRACE_PROT: '80', MILLRACE_PORT: '80', MILLRACE_CACHE_DIR: '/c', PATH: '/bin' }),
  ).toEqual(['MILLRACE_PROT is set, but there is no such variable; did you mean MILLRACE_PORT?'])
})

test.each([
  'mysql://root:hunter2@',
  'mysql//root:hunter2@mysql:3306/CS544',
  'postgres://root:hunter2@host/db',
  'mysql://root:hun:ter@hunter2@host',
  'mysql://host/db?password=hunter2',
])('no message shows the password of %s', url => {
  expect(problemOf({ MILLRACE_SOURCE_URL: url })).not.toContain('hunter2')
})

test('the description has every variable, its value and no password', () => {
  const described = describeConfig(
    readConfig({
      MILLRACE_SOURCE_URL: 'mysql://root:hunter2@mysql/CS544',
      MILLRACE_STORAGE_URL: 'webhdfs://root@boss:9870',
    }),
  )
  expect(described.map(({ name }) => name)).toEqual(Object.keys(SETTINGS))
  expect(described).toContainEqual(
    expect.objectContaining({ name: 'MILLRACE_SOURCE_URL', value: 'mysql://mysql:3306/CS544' }),
  )
  expect(described.every(({ description }) => description.endsWith('.'))).toBe(true)
  expect(JSON.stringify(described)).not.toContain('hunter2')
})

test('.env is read, and the real environment wins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-env-'))
  try {
    expect(withDotEnv({ A: '1' }, folder)).toEqual({ A: '1' })
    writeFileSync(join(folder, '.env'), '# ours\nMILLRACE_PORT=5000\nMILLRACE_LOG_LEVEL="warn"\n')
    const { port, logLevel } = readConfig(withDotEnv({ MILLRACE_PORT: '6000' }, folder))
    expect([port, logLevel]).toEqual([6000, 'warn'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the warehouse is a DuckDB file or PostgreSQL, shown without user and password', () => {
  const { warehouse } = readConfig({ MILLRACE_WAREHOUSE_URL: 'postgres://me:canary@pg/dwh' })
  expect(warehouse).toMatchObject({ kind: 'postgres', host: 'pg', port: 5432, user: 'me', password: 'canary' })
  const shown = describeConfig(readConfig({ MILLRACE_WAREHOUSE_URL: 'postgresql://me:canary@pg/dwh' }))
  expect(shown.find(({ name }) => name === 'MILLRACE_WAREHOUSE_URL')?.value).toBe('postgres://pg:5432/dwh')
  expect(JSON.stringify(shown)).not.toContain('canary')
  expect(readConfig({ MILLRACE_WAREHOUSE_URL: 'duckdb:dwh' }).warehouse).toMatchObject({ file: resolve('dwh') })
  const wrong = () => readConfig({ MILLRACE_WAREHOUSE_URL: 'postgres://me:canary@pg' })
  expect(wrong).toThrow(/no database/)
  expect(wrong).not.toThrow(/canary/)
})

test('the engine is DuckDB or Spark, shown without its token', () => {
  const url = 'sc://spark:15003/;token=can%3Bary;user_id=me'
  const config = readConfig({ MILLRACE_ENGINE_URL: url, MILLRACE_ENGINE_STORAGE_URL: 'hdfs://boss:9000' })
  expect(config.engine).toEqual({
    kind: 'spark',
    host: 'spark',
    port: 15003,
    token: 'can;ary',
    tls: false,
    user: 'me',
    storageUrl: 'hdfs://boss:9000',
  })
  const shown = describeConfig(config)
  expect(shown.find(({ name }) => name === 'MILLRACE_ENGINE_URL')?.value).toBe('sc://spark:15003')
  expect(JSON.stringify(shown)).not.toContain('ary')
  expect(readConfig({ MILLRACE_ENGINE_URL: 'duckdb:' }).engine).toEqual({ kind: 'duckdb' })
})

test.each([
  ['sc://spark:0', 'port 0'],
  ['sc://spark/;tokn=canary', 'the parameter "tokn"'],
  ['sc://spark/;use_ssl=maybe', 'use_ssl=maybe'],
  ['sc://me:canary@spark', 'something else'],
  ['http://spark', 'expected sc://host:15002'],
])('an engine URL that is none says why, without secrets: %s', (url, why) => {
  const read = () => readConfig({ MILLRACE_ENGINE_URL: url })
  expect(read).toThrow(why)
  expect(read).not.toThrow(/canary/)
})
