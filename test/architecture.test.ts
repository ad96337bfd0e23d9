import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { type GraphQLNamedType, isEnumType, isIntrospectionType, isObjectType, isSpecifiedScalarType } from 'graphql'
import { expect, test } from 'vitest'
import { createSchema, printSortedSchema } from '../src/resolvers/schema.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src')

/** What the files of each folder may import from other folders of src, besides the leaves. */
const ALLOWED: Record<string, readonly string[]> = {
  resolvers: ['loans', 'weather', 'files', 'warehouse', 'jobs', 'systems', 'datasources'],
  settings: ['roleUrls.ts', 'datasources', 'files', 'warehouse'],
  server: ['resolvers', 'config.ts', 'settings', 'loans', 'weather', 'jobs', 'systems'],
  grpc: ['loans', 'jobs', 'systems'],
  commands: [
    'analyzer',
    'client',
    'config.ts',
    'app.ts',
    'keepers.ts',
    'recordLog.ts',
    'dataDirectory.ts',
    'loans',
    'warehouse',
    'weather',
    'files',
    'datasources',
    'jobs',
    'main.ts',
    'embeddedSource.ts',
    'commands',
  ],
  demos: [
    'client',
    'commands',
    'config.ts',
    'app.ts',
    'keepers.ts',
    'dataDirectory.ts',
    'loans',
    'weather',
    'files',
    'warehouse',
    'embeddedCitizens.ts',
    'datasources',
  ],
  analyzer: ['client'],
  client: [],
  loans: ['jobs', 'datasources', 'parquet'],
  weather: ['jobs', 'datasources', 'parquet'],
  warehouse: ['jobs', 'datasources', 'parquet'],
  files: ['jobs', 'datasources'],
  jobs: [],
  systems: ['datasources'],
  parquet: ['datasources'],
  datasources: [],
}
const LEAVES = ['cannotListen.ts', 'errors.ts', 'nearestName.ts', 'randomSql.ts', 'shownValue.ts']

interface SourceFile {
  /** Relative to src. */
  name: string
  text: string
  /** Files of src that it imports, relative to src. */
  imports: string[]
}

const files: SourceFile[] = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => {
    const text = readFileSync(join(SOURCE, name), 'utf8')
    const paths = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) => path!)
    return { name, text, imports: paths.map(path => relative(SOURCE, resolve(SOURCE, dirname(name), path))) }
  })

test('imports point one way: resolvers, then domains, then datasources', () => {
  const wrong = files.flatMap(({ name, imports }) => {
    const allowed = ALLOWED[areaOf(name)]
    if (!name.includes('/') || allowed === undefined) return []
    return imports
      .filter(path => areaOf(path) !== areaOf(name) && !LEAVES.includes(path) && !allowed.includes(areaOf(path)))
      .map(path => `${name} imports ${path}`)
  })
  expect(wrong).toEqual([])
})

test('every folder of src is one whose imports are held', () => {
  const folders = new Set(files.filter(({ name }) => name.includes('/')).map(({ name }) => areaOf(name)))
  expect([...folders].filter(folder => !Object.hasOwn(ALLOWED, folder))).toEqual([])
})

test('datasources know no word of the domains, and domains none of GraphQL or HTTP', () => {
  const using = (area: string, modules: RegExp) =>
    files.filter(({ name, text }) => name.startsWith(`${area}/`) && modules.test(text)).map(({ name }) => name)
  for (const domain of ['loans', 'warehouse', 'weather', 'files', 'jobs', 'systems']) {
    expect(using(domain, /from '(graphql|type-graphql|@apollo|node:http|graphql-ws|ws|undici|mysql2|@grpc)/)).toEqual(
      [],
    )
  }
  expect(using('datasources', /\b(loans?|count(?:y|ies)|millrace migrat)\b/i)).toEqual([])
})

test('only resolvers have decorators', () => {
  const decorated = files.filter(({ text }) => /^\s*@[A-Z]\w*\(/m.test(text) || /from 'type-graphql'/.test(text))
  expect(decorated.filter(({ name }) => !name.startsWith('resolvers/')).map(({ name }) => name)).toEqual([])
})

test('the environment is read in one place, and handed in by the programs that start', () => {
  const readers = files
    .filter(({ text }) => /^(?!\s*(?:\*|\/\/|\/\*\*)).*\bprocess\.env\b/m.test(text))
    .map(({ name }) => name)
  expect(readers.filter(name => !['main.ts', 'cli.ts', 'demo.ts', 'commands/terminal.ts'].includes(name))).toEqual([])
})

test('the console belongs to the programs that start', () => {
  const users = files.filter(({ text }) => /\bconsole\.\w+\(/.test(text)).map(({ name }) => name)
  expect(users.filter(name => !['main.ts', 'cli.ts', 'demo.ts', 'emitSchema.ts'].includes(name))).toEqual([])
})

const schema = createSchema()
const types = Object.values(schema.getTypeMap()).filter(
  type => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
)

test('every type, field, argument and enum value of the schema has a description', () => {
  expect(types.flatMap(undescribed)).toEqual([])
})

test('schema/schema.graphql is what the resolvers say', () => {
  expect(readFileSync(join(ROOT, 'schema/schema.graphql'), 'utf8')).toBe(printSortedSchema(schema))
})

/** What saved operations and generated clients of users rely on: each must exist exactly so. More may be added. */
const CONTRACT = `
Query.blockLocations(path: StoragePath!): BlockLocations
Query.averageLoan(countyCode: CountyCode!): CountyAverage
Query.county(code: CountyCode!): County
Query.counties: [County!]
Query.job(id: ID!): Job
Query.jobs(kind: JobKind, state: JobState, first: Int = 20): [Job!]
Query.systems: [SystemStatus!]!
Query.dataNodes: [DataNode!]
BlockLocations.path: StoragePath!
BlockLocations.length: SafeInt!
BlockLocations.replication: Int!
BlockLocations.blockSize: SafeInt!
BlockLocations.dataNodes: [DataNodeBlocks!]!
BlockLocations.blocks: [Block!]!
DataNodeBlocks.dataNode: String!
DataNodeBlocks.blocks: Int!
Block.index: Int!
Block.offset: SafeInt!
Block.length: SafeInt!
Block.dataNodes: [String!]!
Block.missing: Boolean!
County.code: CountyCode!
County.name: String!
County.averageLoan: CountyAverage
AverageSource: CREATE REUSE RECREATE
CountyAverage.countyCode: CountyCode!
CountyAverage.averageLoan: Int!
CountyAverage.loans: Int!
CountyAverage.source: AverageSource!
CountyAverage.cost: ReadCost!
ReadCost.elapsedMillis: Float!
ReadCost.bytesRead: SafeInt!
ReadCost.storageRequests: Int!
DataNode.name: String!
DataNode.state: DataNodeState!
DataNode.lastContact: DateTime
DataNode.usedBytes: SafeInt
DataNode.capacityBytes: SafeInt
DataNodeState: LIVE STALE DEAD DECOMMISSIONED
SystemStatus.role: SystemRole!
SystemStatus.kind: String!
SystemStatus.url: String!
SystemStatus.reachable: Boolean!
SystemStatus.detail: String
SystemRole: SOURCE STORAGE LOG ENGINE WAREHOUSE
JobKind: MIGRATE_LOANS WEATHER COMPACT_WEATHER SEND_FILES INGEST_CITIZENS WAREHOUSE_RUN
JobState: QUEUED RUNNING SUCCEEDED FAILED CANCELLED INTERRUPTED
Job.id: ID!
Job.kind: JobKind!
Job.state: JobState!
Job.progress: JobProgress!
Job.createdAt: DateTime!
Job.startedAt: DateTime
Job.finishedAt: DateTime
Job.message: String
Job.errorCode: String
JobProgress.done: SafeInt!
JobProgress.total: SafeInt
JobProgress.unit: String!
JobProgress.etaSeconds: Float
Query.fileTransfers(first: Int = 100, state: TransferState): [FileTransfer!]
Query.fileTransfer(file: String!): FileTransfer
Query.machines: [Machine!]
Mutation.sendFiles(folder: String!, wait: Boolean = true, acknowledged: Boolean = false): Job
Subscription.transferProgress(file: String): FileTransfer!
FileTransfer.file: String!
FileTransfer.bytes: SafeInt!
FileTransfer.blocks: Int!
FileTransfer.sent: Int!
FileTransfer.acknowledged: Int!
FileTransfer.failed: Int!
FileTransfer.bytesPerSecond: Float
FileTransfer.state: TransferState!
FileTransfer.machines: [String!]!
TransferState: SENDING WAITING COMPLETE FAILED
Machine.id: ID!
Machine.role: String!
Machine.lastSeen: DateTime
Machine.alive: Boolean!
Machine.blocksProcessed: Int!
Machine.bytesProcessed: SafeInt!
Machine.failures: Int!
Query.warehouseRuns(first: Int = 30): [WarehouseRun!]
Query.warehouseTables: [WarehouseTable!]
Query.warehouseRows(table: String!, date: LocalDate, first: Int = 100): [JSONObject!]
Query.planWarehouse(date: LocalDate!): WarehousePlan
Mutation.ingestCitizens(date: LocalDate!, force: Boolean = false, wait: Boolean = true): Job
Mutation.runWarehouse(date: LocalDate!, force: Boolean = false, wait: Boolean = true): Job
WarehouseRun.date: LocalDate!
WarehouseRun.state: JobState!
WarehouseRun.attempts: Int!
WarehouseRun.startedAt: DateTime
WarehouseRun.finishedAt: DateTime
WarehouseRun.steps: [WarehouseStep!]!
WarehouseStep.name: String!
WarehouseStep.state: JobState!
WarehouseStep.rows: SafeInt
WarehouseStep.elapsedMillis: Float
WarehouseStep.message: String
WarehouseTable.name: String!
WarehouseTable.description: String!
WarehouseTable.rows: SafeInt!
WarehouseTable.latestDate: LocalDate
WarehousePlan.date: LocalDate!
WarehousePlan.steps: [WarehouseStep!]!
WarehousePlan.problems: [String!]!
Mutation.migrateLoans(wait: Boolean = true, engine: MigrationEngine = "AUTO"): Job
MigrationEngine: AUTO LOCAL SPARK
Mutation.cancelJob(id: ID!): Job
Subscription.jobProgress(id: ID!): Job!
Query.weatherPartitions: [WeatherPartition!]
Query.weatherBatchFiles(partition: Int): [WeatherBatch!]
Query.temperatures(stationId: String, from: LocalDate, to: LocalDate, first: Int = 100, after: String): TemperatureConnection
Query.temperatureWindows(window: WindowSize!, stationId: String, from: LocalDate, to: LocalDate): [TemperatureWindow!]
Query.verifyWeather: WeatherVerification
Mutation.startWeather(generate: Boolean = false): Job
Mutation.stopWeather: Job
Mutation.compactWeather(partition: Int): Job
Subscription.weatherBatches: WeatherBatch!
Subscription.temperatures(stationId: String): Temperature!
WindowSize: DAY WEEK MONTH YEAR
WeatherPartition.partition: Int!
WeatherPartition.nextOffset: SafeInt!
WeatherPartition.endOffset: SafeInt!
WeatherPartition.lag: SafeInt!
WeatherPartition.nextBatch: Int!
WeatherPartition.rows: SafeInt!
WeatherBatch.partition: Int!
WeatherBatch.batch: Int!
WeatherBatch.path: StoragePath!
WeatherBatch.rows: Int!
WeatherBatch.firstOffset: SafeInt!
WeatherBatch.lastOffset: SafeInt!
WeatherBatch.writtenAt: DateTime!
Temperature.stationId: String!
Temperature.date: LocalDate!
Temperature.degrees: Float!
TemperatureConnection.nodes: [Temperature!]!
TemperatureConnection.endCursor: String
TemperatureConnection.hasNextPage: Boolean!
TemperatureWindow.start: LocalDate!
TemperatureWindow.end: LocalDate!
TemperatureWindow.stationId: String
TemperatureWindow.count: Int!
TemperatureWindow.min: Float!
TemperatureWindow.max: Float!
TemperatureWindow.mean: Float!
WeatherVerification.ok: Boolean!
WeatherVerification.sourceRows: SafeInt!
WeatherVerification.storedRows: SafeInt!
WeatherVerification.missing: SafeInt!
WeatherVerification.duplicated: SafeInt!
WeatherVerification.firstProblem: String`

test.each(CONTRACT.trim().split('\n'))('the schema keeps %s', line => {
  expect(types.flatMap(declarations)).toContain(normal(line))
})

function areaOf(name: string): string {
  return name.split('/')[0]!
}

function declarations(type: GraphQLNamedType): string[] {
  if (isEnumType(type))
    return [
      normal(
        `${type.name}: ${type
          .getValues()
          .map(({ name }) => name)
          .join(' ')}`,
      ),
    ]
  if (!isObjectType(type)) return []
  return Object.values(type.getFields()).map(({ name, args, type: result }) => {
    const list = args.map(
      arg =>
        `${arg.name}: ${String(arg.type)}${arg.defaultValue === undefined ? '' : ` = ${JSON.stringify(arg.defaultValue)}`}`,
    )
    return normal(`${type.name}.${name}${list.length > 0 ? `(${list.join(', ')})` : ''}: ${String(result)}`)
  })
}

/** The order of enum values and of arguments means nothing. */
function normal(line: string): string {
  const values = /^(\w+): ([A-Z_ ]+)$/.exec(line)
  if (values) return `${values[1]}: ${values[2]!.split(' ').sort().join(' ')}`
  return line.replace(/\((.*)\)/, (_, args: string) => `(${args.split(', ').sort().join(', ')})`)
}

function undescribed(type: GraphQLNamedType): string[] {
  const lacking = (name: string, { description }: { description?: string | null | undefined }) =>
    description ? [] : [name]
  const fields = isObjectType(type) ? Object.values(type.getFields()) : []
  return [
    ...lacking(type.name, type),
    ...fields.flatMap(field => [
      ...lacking(`${type.name}.${field.name}`, field),
      ...field.args.flatMap(arg => lacking(`${type.name}.${field.name}(${arg.name})`, arg)),
    ]),
    ...(isEnumType(type) ? type.getValues().flatMap(value => lacking(`${type.name}.${value.name}`, value)) : []),
  ]
}
